/**
 * The behaviour ledger: which of asyncio's behaviours (tests/behaviours.json) a test proves. A test proves the ids its
 * name begins with: `LOCK-03: ...` or `LOCK-03 LOCK-04: ...`. What JavaScript can't have is "absent" in
 * docs/differences.md. Areas that tests/behaviours.json doesn't know are this library's own promises; they have no list.
 * Ids that were proven once are kept in tests/proven.json and must stay proven.
 *
 *     deno task ledger               proven and total, per area
 *     deno task ledger LOCK Q        also lists what is open in these areas
 *     deno task ledger --check       fails when an id is proven no longer, or unknown
 *     deno task ledger --update      writes tests/proven.json
 */
import { count, exists, filesBelow, grey, inRoot, main, ScriptError } from "./_shell.ts";

interface Behaviour {
  id: string;
  class: "core" | "corner";
  text: string;
}

interface Ledger {
  behaviours: Behaviour[];
  /** Ids with the tests that prove them. */
  proofs: Map<string, string[]>;
  /** Ids of docs/differences.md with their kind: absent, part or changed. */
  differences: Map<string, string>;
  /** Ids that were proven when tests/proven.json was written. */
  once: string[];
  problems: string[];
}

const ids = String.raw`[A-Z]+-\d+(?:[ ,]+[A-Z]+-\d+)*`;
const provenFile = "tests/proven.json";

async function readLedger(): Promise<Ledger> {
  const problems: string[] = [];
  const behaviours: Behaviour[] = await readJson("tests/behaviours.json");
  const known = new Set<string>();
  for (const { id, class: kind, text } of behaviours) {
    if (known.has(id)) problems.push(`tests/behaviours.json: ${id} stands there twice`);
    if (!/^[A-Z]+-\d+$/.test(id) || !["core", "corner"].includes(kind) || !text) {
      problems.push(`tests/behaviours.json: ${id} is not { id, class: core | corner, text }`);
    }
    known.add(id);
  }
  const differences = await readDifferences();
  const proofs = await readProofs();
  const areas = new Set(behaviours.map(({ id }) => areaOf(id)));
  for (const id of differences.keys()) {
    if (!areas.has(areaOf(id))) {
      problems.push(`docs/differences.md: ${id} is in no area of asyncio`);
    }
  }
  for (const [id, tests] of proofs) {
    if (known.has(id) || differences.has(id) || !areas.has(areaOf(id))) continue;
    problems.push(`${tests[0]}: ${id} is in neither tests/behaviours.json nor docs/differences.md`);
  }
  const once: string[] = await exists(inRoot(provenFile)) ? await readJson(provenFile) : [];
  for (const id of once) {
    if (!proofs.has(id)) problems.push(`${id} was proven by a test once and is no longer`);
  }
  return { behaviours, proofs, differences, once, problems };
}

/** Lines of the form `- **SIG-02, SIG-04** part: reason`. */
async function readDifferences(): Promise<Map<string, string>> {
  const differences = new Map<string, string>();
  if (!await exists(inRoot("docs/differences.md"))) return differences;
  const text = await Deno.readTextFile(inRoot("docs/differences.md"));
  for (const [, list = "", kind = ""] of text.matchAll(/^- \*\*([^*]+)\*\* (\w+):/gm)) {
    for (const [id] of list.matchAll(/[A-Z]+-\d+/g)) differences.set(id, kind);
  }
  return differences;
}

/** Strings in test files that begin with ids and a colon. A test that is skipped or to be done proves nothing. */
async function readProofs(): Promise<Map<string, string[]>> {
  const proofs = new Map<string, string[]>();
  const name = new RegExp(String.raw`(\.(?:skip|todo)\(\s*)?["'\`](${ids}):`, "g");
  for (const path of await filesBelow("tests", ".test.ts")) {
    const lines = (await Deno.readTextFile(inRoot(path))).split("\n");
    const code = lines.filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line)).join("\n");
    for (const [, skipped, list = ""] of code.matchAll(name)) {
      if (skipped !== undefined) continue;
      for (const [id] of list.matchAll(/[A-Z]+-\d+/g)) {
        proofs.set(id, [...proofs.get(id) ?? [], path]);
      }
    }
  }
  return proofs;
}

async function readJson<T>(path: string): Promise<T> {
  try {
    return JSON.parse(await Deno.readTextFile(inRoot(path)));
  } catch (error) {
    throw new ScriptError(`${path}: ${(error as Error).message}`);
  }
}

function areaOf(id: string): string {
  return id.slice(0, id.lastIndexOf("-"));
}

/** Neither proven nor absent from JavaScript. */
function isOpen({ id }: Behaviour, { proofs, differences }: Ledger): boolean {
  return !proofs.has(id) && differences.get(id) !== "absent";
}

function printTable(ledger: Ledger): void {
  const { behaviours, proofs, differences } = ledger;
  const row = (name: string, group: Behaviour[]) => {
    const share = (kind: string) => {
      const all = group.filter((behaviour) => behaviour.class === kind);
      const proven = all.filter(({ id }) => proofs.has(id)).length;
      return `${proven}/${all.length}`.padStart(9);
    };
    const is = (kind: string) => group.filter(({ id }) => differences.get(id) === kind).length;
    const open = group.filter((behaviour) => isOpen(behaviour, ledger)).length;
    const numbers = [is("absent"), is("part") + is("changed"), open];
    console.log(name.padEnd(7) + share("core") + share("corner") + numbers.map(column).join(""));
  };
  const headings = ["absent", "differ", "open"].map(column).join("");
  console.log(grey("area   " + "core".padStart(9) + "corner".padStart(9) + headings));
  for (const area of new Set(behaviours.map(({ id }) => areaOf(id)))) {
    row(area, behaviours.filter(({ id }) => areaOf(id) === area));
  }
  row("all", behaviours);
}

function printOwnAreas({ behaviours, proofs }: Ledger): void {
  const asyncio = new Set(behaviours.map(({ id }) => areaOf(id)));
  const own = new Map<string, number>();
  for (const id of proofs.keys()) {
    const area = areaOf(id);
    if (!asyncio.has(area)) own.set(area, (own.get(area) ?? 0) + 1);
  }
  const list = [...own].sort().map(([area, proven]) => `${area} ${proven}`).join(", ");
  if (list !== "") console.log(`this library's own: ${list}`);
}

function column(value: string | number): string {
  return String(value).padStart(8);
}

function printOpen(ledger: Ledger, areas: string[]): void {
  for (const behaviour of ledger.behaviours) {
    if (!areas.includes(areaOf(behaviour.id)) || !isOpen(behaviour, ledger)) continue;
    console.log(`${behaviour.id} (${behaviour.class}) ${behaviour.text}`);
  }
}

async function update({ behaviours, proofs, once }: Ledger): Promise<void> {
  const order = [...behaviours.map(({ id }) => id), ...[...proofs.keys()].sort()];
  const proven = [...new Set(order)].filter((id) => proofs.has(id));
  const list = proven.map((id) => `  ${JSON.stringify(id)}`).join(",\n");
  await Deno.writeTextFile(inRoot(provenFile), `[\n${list}\n]\n`);
  const gained = proven.filter((id) => !once.includes(id)).length;
  console.log(`${provenFile}: ${count(proven.length, "id")}, ${gained} of them new`);
}

if (import.meta.main) {
  await main(async () => {
    const flags = Deno.args.filter((arg) => arg.startsWith("--"));
    const unknown = flags.find((flag) => flag !== "--check" && flag !== "--update");
    if (unknown !== undefined) {
      throw new ScriptError(`unknown option ${unknown}; there are --check and --update`);
    }
    const ledger = await readLedger();
    printTable(ledger);
    printOwnAreas(ledger);
    printOpen(ledger, Deno.args.map((arg) => arg.toUpperCase()));
    for (const problem of ledger.problems) console.log(problem);
    if (flags.includes("--update")) {
      if (ledger.problems.length > 0) throw new ScriptError("not written: see the problems above");
      await update(ledger);
    }
    return flags.includes("--check") && ledger.problems.length > 0 ? 1 : 0;
  });
}
