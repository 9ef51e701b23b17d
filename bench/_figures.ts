/**
 * The figures taken so far, kept in the cache from run to run, so that a row can be measured again and the report
 * written of all of them.
 */
import { exists, inRoot } from "../scripts/_shell.ts";
import type { Contender, Host } from "./_contenders.ts";
import { type RowInfo, rows } from "./_rows.ts";

/** One contender's figures of a row, one for each round. */
export interface Series {
  name: string;
  host: Host;
  kind: Contender["kind"];
  values: number[];
}

export interface Measurement {
  row: string;
  /** Day of the measurement: "2026-01-31". */
  date: string;
  /** The machine's load average when it began: what else was going on. */
  load: number;
  series: Series[];
}

const path = inRoot(".cache/bench/figures.json");

/** What is kept, in the order of the rows. */
export async function readFigures(): Promise<Measurement[]> {
  if (!await exists(path)) return [];
  const kept: Measurement[] = JSON.parse(await Deno.readTextFile(path));
  const order = rows.map(({ name }) => name);
  return kept.filter(({ row }) => order.includes(row))
    .sort((a, b) => order.indexOf(a.row) - order.indexOf(b.row));
}

/** Keeps a row's figures in the place of its last ones. */
export async function keepFigures(measurement: Measurement): Promise<void> {
  const others = (await readFigures()).filter(({ row }) => row !== measurement.row);
  await Deno.mkdir(inRoot(".cache/bench"), { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify([...others, measurement]));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** How many times as good as the rival's the figures are, by their medians: above 1, ours are better. */
export function advantage(row: RowInfo, ours: Series, rival: Series): number {
  const [own, other] = [median(ours.values), median(rival.values)];
  return row.lower ? other / own : own / other;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
