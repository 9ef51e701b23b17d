/**
 * The gate: everything that must hold before a change lands, each step with its time.
 *
 *     deno task ok                   all steps
 *     deno task ok --skip=test,npm   all but these
 *     deno task ok --only=lint       only these
 */
import { bold, deno, green, grey, main, red, run, ScriptError, since } from "./_shell.ts";

interface Step {
  name: string;
  args: string[];
}

const script = (
  name: string,
  ...args: string[]
) => ["run", "--allow-all", `scripts/${name}.ts`, ...args];

const steps: Step[] = [
  { name: "fmt", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "check", args: ["check", "."] },
  { name: "arrows", args: script("check_arrows") },
  { name: "house", args: script("draw_house", "--check") },
  { name: "timelines", args: script("draw_timelines", "--check") },
  { name: "ledger", args: script("ledger", "--check") },
  { name: "docs", args: script("check_docs") },
  // Also finds slow types, which JSR would refuse.
  { name: "publish", args: ["publish", "--dry-run", "--allow-dirty"] },
  { name: "test", args: script("test") },
  { name: "npm", args: script("build_npm") },
];

interface Outcome {
  name: string;
  ok: boolean;
  /** Tests the step ran; 0 for a step that is a check of its own. */
  passed: number;
  failed: number;
  time: string;
}

async function runStep({ name, args }: Step): Promise<Outcome> {
  console.log(bold(`\n${name}`) + grey(`  deno ${args.join(" ")}`));
  const start = performance.now();
  // The tests show their progress themselves; of the others, only a failure is worth reading.
  const echo = name === "test";
  const { code, output } = await run(deno, args, { echo, timeout: 3600 });
  const ok = code === 0;
  if (!ok && !echo) console.log(output.trimEnd());
  const totals = /^(\d+) passed, (\d+) failed/m.exec(output.split("\n").slice(-5).join("\n"));
  const passed = Number(totals?.[1] ?? 0);
  const failed = Number(totals?.[2] ?? 0);
  // A step that fails without a failed test counts as one.
  return { name, ok, passed, failed: ok ? 0 : Math.max(1, failed), time: since(start) };
}

function chooseSteps(args: string[]): Step[] {
  let chosen = steps;
  for (const arg of args) {
    const [, flag, list = ""] = /^--(skip|only)=(.+)$/.exec(arg) ?? [];
    if (flag === undefined) {
      throw new ScriptError(`unknown option ${arg}; there are --skip=STEPS and --only=STEPS`);
    }
    const names = list.split(",");
    for (const name of names) {
      if (steps.some((step) => step.name === name)) continue;
      throw new ScriptError(`no step "${name}"; there are ${steps.map((s) => s.name).join(", ")}`);
    }
    chosen = chosen.filter(({ name }) => names.includes(name) === (flag === "only"));
  }
  return chosen;
}

if (import.meta.main) {
  await main(async () => {
    const start = performance.now();
    const outcomes: Outcome[] = [];
    for (const step of chooseSteps(Deno.args)) outcomes.push(await runStep(step));
    console.log();
    for (const { name, ok, passed, failed, time } of outcomes) {
      const tests = passed + failed > 1 ? `  ${passed} passed, ${failed} failed` : "";
      console.log(
        `${ok ? green("ok    ") : red("FAILED")} ${name.padEnd(8)} ${time.padStart(8)}${
          grey(tests)
        }`,
      );
    }
    const sum = (pick: (outcome: Outcome) => number) =>
      outcomes.reduce((total, outcome) => total + pick(outcome), 0);
    const failed = sum((outcome) => outcome.failed);
    console.log(`${outcomes.length} steps in ${since(start)}\n`);
    console.log(`${sum((outcome) => outcome.passed)} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  });
}
