/** Jobs print in every way there is, and the program ends at once: in a run or in plain code, with threads or children. */
import { ProcessPoolExecutor, run, ThreadPoolExecutor } from "../../../mod.ts";

const [where, end, rows, length] = process.argv.slice(2);

const print = (rows: number, length: number): void => {
  const row = "x".repeat(length);
  for (let n = 0; n < rows; n++) {
    console.log(row);
    process.stdout.write(`${row}\n`);
    console.error(row);
    process.stderr.write(`${row}\n`);
  }
};

const pool = where === "threads"
  ? new ThreadPoolExecutor({ maxWorkers: 1 })
  : new ProcessPoolExecutor({ maxWorkers: 1 });
if (end === "shutdown") {
  await run(async () => {
    await pool.submit(print, Number(rows), Number(length));
    await pool.shutdown();
  });
} else await pool.submit(print, Number(rows), Number(length));
