// Compiled into one executable by compiled.test.ts. What is not the first process shows, instead of starting a third.
import { ProcessPoolExecutor, run } from "../../../mod.ts";

const CALLS = "CALLS_OF_COMPILED_PROGRAM";
const call = Number(process.env[CALLS] ?? 0) + 1;
process.env[CALLS] = String(call);
if (call > 1) {
  console.log("the program was started again");
  process.exit(1);
}

await run(async () => {
  const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
  const [number, flag] = await pool.submit((n: number) => [n + 1, process.env.BUN_BE_BUN], 1);
  console.log(number, flag);
  await pool.shutdown();
});
