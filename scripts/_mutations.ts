/** One-line changes to a source file that a test should notice. Works on the text as `deno fmt` leaves it. */

export interface Mutant {
  /** Relative to the root. */
  file: string;
  /** From 1. */
  line: number;
  change: "negated" | "dropped" | "off by one" | "other operator";
  /** The line without its indentation, before and after. */
  before: string;
  after: string;
}

interface Line {
  text: string;
  number: number;
  /** It stands among statements: not in a comment, a template, a type or directly in a class. */
  statement: boolean;
}

/** All mutants of a file, from its first line to its last. */
export function mutantsOf(file: string, source: string): Mutant[] {
  const lines = linesOf(source);
  const mutants: Mutant[] = [];
  lines.forEach((line, index) => {
    const next = lines[index + 1]?.text.trim() ?? "";
    const before = line.text.trim();
    const seen = new Set([before]);
    for (const [change, after] of line.statement ? changesOf(before, next) : []) {
      if (seen.has(after)) continue;
      seen.add(after);
      mutants.push({ file, line: line.number, change, before, after });
    }
  });
  return mutants;
}

/** The file with the mutant in it. */
export function plant(source: string, { line, before, after }: Mutant): string {
  const lines = source.split("\n");
  lines[line - 1] = lines[line - 1]!.replace(before, () => after);
  return lines.join("\n");
}

function linesOf(source: string): Line[] {
  const lines: Line[] = [];
  /** What each open brace belongs to. */
  const open: ("type" | "code")[] = [];
  let comment = false;
  let template = false;
  source.split("\n").forEach((text, index) => {
    const code = text.trim();
    const inside = comment || template;
    if (!template && code.startsWith("/*")) comment = true;
    const skipped = comment || template || code === "" || code.startsWith("//");
    if (comment && code.endsWith("*/")) comment = false;
    if (!skipped && !inside && (code.match(/`/g) ?? []).length % 2 === 1) template = true;
    else if (template && code.includes("`")) template = false;
    if (skipped) return;
    if (code.startsWith("}")) open.pop();
    lines.push({ text, number: index + 1, statement: open.length > 0 && open.at(-1) === "code" });
    if (code.endsWith("{")) open.push(kindOf(code));
  });
  return lines;
}

function kindOf(code: string): "type" | "code" {
  return /^(export )?(default )?(abstract )?(class|interface|type|import) /.test(code) ||
      /^(import|export) (type )?\{$/.test(code)
    ? "type"
    : "code";
}

function changesOf(line: string, next: string): [Mutant["change"], string][] {
  return [
    ...negations(line),
    ...operators(line),
    ...counts(line),
    ...drops(line, next),
  ];
}

function* negations(line: string): Iterable<[Mutant["change"], string]> {
  for (const { index, 0: head } of line.matchAll(/\b(if|while) \(/g)) {
    const start = index + head.length;
    const end = closing(line, start);
    if (end < 0) continue;
    const condition = line.slice(start, end);
    yield ["negated", `${line.slice(0, start)}${negated(condition)}${line.slice(end)}`];
  }
  const [, head, yes, no, tail] = /^(.+ \? )([^?:]+) : ([^?:]+?)([;,)]*)$/.exec(line) ?? [];
  // A comparison is exchanged anyway.
  if (yes !== undefined && !/ (===|!==|<|>|<=|>=) /.test(head!)) {
    yield ["negated", `${head}${no} : ${yes}${tail}`];
  }
  if (/^return (true|false);$/.test(line)) {
    yield ["negated", line === "return true;" ? "return false;" : "return true;"];
  }
}

/** `a === b` becomes `a !== b`, what is longer is put in parentheses. */
function negated(condition: string): string {
  if (/ (&&|\|\||\?\?|\?) /.test(condition)) return `!(${condition})`;
  for (const [operator, other] of Object.entries(opposites)) {
    if (condition.split(operator).length === 2) return condition.replace(operator, () => other);
  }
  return /^![\w.#()]+$/.test(condition) ? condition.slice(1) : `!(${condition})`;
}

const opposites: Record<string, string> = {
  " === ": " !== ",
  " !== ": " === ",
  " < ": " >= ",
  " > ": " <= ",
  " <= ": " > ",
  " >= ": " < ",
};

const others: Record<string, string> = { ...opposites, " && ": " || ", " || ": " && " };

function* operators(line: string): Iterable<[Mutant["change"], string]> {
  for (const { index, 0: operator } of line.matchAll(/ (===|!==|<|>|<=|>=|&&|\|\|)(?= )/g)) {
    const other = others[`${operator} `]!;
    yield [
      "other operator",
      `${line.slice(0, index)}${other}${line.slice(index + operator.length + 1)}`,
    ];
  }
}

function* counts(line: string): Iterable<[Mutant["change"], string]> {
  for (const { index, 0: operator } of line.matchAll(/\+\+|--/g)) {
    const after = line.slice(index + 2);
    const step = operator === "++" ? "+= 2" : "-= 2";
    if (/^[;,)]|^$/.test(after)) yield ["off by one", `${line.slice(0, index)} ${step}${after}`];
  }
  for (const { index, 0: found } of line.matchAll(/ (?:===|!==|<|>|<=|>=|\+|-|\+=|-=|=) \d+\b/g)) {
    const [, operator, number] = /^( \S+ )(\d+)$/.exec(found)!;
    const changed = `${operator}${Number(number) + 1}`;
    yield ["off by one", `${line.slice(0, index)}${changed}${line.slice(index + found.length)}`];
  }
}

function* drops(line: string, next: string): Iterable<[Mutant["change"], string]> {
  if (!line.endsWith(";") || next.startsWith("else") || next.startsWith(".")) return;
  if (
    /^(const|let|var|import|export|type|case|default|super|\}|\)|\]|\?|:|&&|\|\||"|`)/.test(line)
  ) return;
  if (/^return .+;$/.test(line) || !balanced(line)) return;
  // The end of a statement that began on another line.
  if (/^[\w.]+(<.*>)?: /.test(line)) return;
  yield ["dropped", ";"];
}

function balanced(line: string): boolean {
  let depth = 0;
  for (const character of line.replace(/"[^"]*"|`[^`]*`/g, "")) {
    if ("([{".includes(character)) depth++;
    if (")]}".includes(character) && --depth < 0) return false;
  }
  return depth === 0;
}

/** Where the parenthesis that is open at `start` closes; -1: on another line. */
function closing(line: string, start: number): number {
  let depth = 1;
  for (let index = start; index < line.length; index++) {
    if (line[index] === "(") depth++;
    if (line[index] === ")" && --depth === 0) return index;
  }
  return -1;
}
