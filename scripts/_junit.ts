/** Reads the JUnit files that the three test runners write, each in its own dialect. */

export interface TestCase {
  /** The test file as the runner names it; empty where it doesn't. */
  file: string;
  /** Names of enclosing suites and tests, then the test's own, with " > " between. */
  name: string;
  outcome: "passed" | "failed" | "skipped";
  /** What went wrong, with a stack; empty unless failed. */
  details: string;
}

export function readJunit(xml: string): TestCase[] {
  const cases: TestCase[] = [];
  const suites: string[] = [];
  let current: TestCase | null = null;
  const tag =
    /<(\/?)(testcase|testsuite|failure|error|skipped)\b((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>/g;
  for (const match of xml.matchAll(tag)) {
    const [whole, closing, kind, rest = "", single] = match;
    if (kind === "testsuite") {
      if (closing) suites.pop();
      else suites.push(attribute(rest, "name") ?? "");
    } else if (kind === "testcase") {
      if (closing) {
        current = null;
        continue;
      }
      const test: TestCase = {
        file: attribute(rest, "file") ?? fileOfClass(attribute(rest, "classname") ?? ""),
        name: [...suites.filter((suite) => !isModule(suite)), attribute(rest, "name")].join(" > "),
        outcome: "passed",
        details: "",
      };
      cases.push(test);
      current = single ? null : test;
    } else if (current !== null && !closing) {
      if (kind === "skipped") {
        current.outcome = "skipped";
        continue;
      }
      current.outcome = "failed";
      const begin = match.index + whole.length;
      const end = xml.indexOf(`</${kind}>`, begin);
      const text = single || end < 0 ? attribute(rest, "message") ?? "" : xml.slice(begin, end);
      current.details = unescape(text).trim();
    }
  }
  return cases.filter((test) => !isPassedParent(test, cases));
}

/** Deno counts a test with subtests beside them, Node does not: only the subtests stay. */
function isPassedParent(test: TestCase, cases: TestCase[]): boolean {
  return test.outcome === "passed" &&
    cases.some(({ file, name }) =>
      (file === test.file || file === "") && name.startsWith(`${test.name} > `)
    );
}

/** Deno's `classname` is the file of the call that made the test: often that of a helper, which is no news. */
function fileOfClass(name: string): string {
  return isTestFile(name) ? name.replace(/^\.\//, "") : "";
}

/** Deno and Bun open a suite per module, named after it; what Deno runs inside `describe` is in one of its own. */
function isModule(suite: string): boolean {
  return isTestFile(suite) || suite.startsWith("ext:");
}

function isTestFile(suite: string): boolean {
  return suite.endsWith(".test.ts");
}

function attribute(attributes: string, name: string): string | null {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(attributes)?.[1];
  // Node escapes quotes twice.
  return value === undefined ? null : unescape(value).replaceAll("&quot;", '"');
}

const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescape(text: string): string {
  return text.replace(
    /&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi,
    (whole, decimal, hex, name) => {
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
      return entities[name] ?? whole;
    },
  );
}
