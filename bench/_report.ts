/** Puts figures into words: one table for each runtime, and what they come to. */
import { advantage, geometricMean, type Measurement, median, type Series } from "./_figures.ts";
import { type Group, groups, type RowInfo, rows } from "./_rows.ts";
import type { Host } from "./_contenders.ts";

const titles: Record<Group, string> = {
  core: "Core",
  net: "Net",
  subprocess: "Subprocesses",
  threads: "Threads",
};

/** "1,234", "12.3", "0.45", "0.012". */
function number(value: number): string {
  const size = Math.abs(value);
  if (size > 0 && size < 0.1) return value.toPrecision(2);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** "1,234 (1,200-1,300)": median and spread. */
function spread({ values }: Series): string {
  const middle = number(median(values));
  if (values.length === 1) return middle;
  return `${middle} (${number(Math.min(...values))}-${number(Math.max(...values))})`;
}

const rowInfo = (name: string): RowInfo => rows.find((row) => row.name === name)!;

const hosts: readonly Host[] = ["Deno", "Bun", "Node"];

function ours(series: readonly Series[], host: Host): Series | undefined {
  return series.find((one) => one.kind === "ours" && one.host === host);
}

/** Who a runtime's own figures are compared with: everyone on that runtime, and Python. */
function rivals(series: readonly Series[], host: Host): Series[] {
  return series.filter((one) => one.kind !== "ours" && [host, "Python"].includes(one.host));
}

/** A row as it is printed when it has been measured. */
export function printRow({ row, series }: Measurement): string {
  const info = rowInfo(row);
  const lines = [`${row} (${info.unit}, ${info.lower ? "less" : "more"} is better)`];
  for (const one of series) {
    const own = ours(series, one.host);
    const ratios = one.host === "Python"
      ? hosts.flatMap((host) => {
        const own = ours(series, host);
        return own === undefined ? [] : [`${host} x${number(advantage(info, own, one))}`];
      })
      : own === undefined || one === own
      ? []
      : [`x${number(advantage(info, own, one))}`];
    const who = one.host === "Python" ? one.name : `${one.name}, ${one.host}`;
    lines.push(`  ${who.padEnd(26)} ${spread(one).padStart(30)}  ${ratios.join("  ")}`);
  }
  return lines.join("\n");
}

/** The tables in Markdown, a group under a heading, and in it one table for each runtime. */
export function tables(measurements: readonly Measurement[]): string {
  return groups.flatMap((group) => {
    const measured = measurements.filter(({ row }) => rowInfo(row).group === group);
    if (measured.length === 0) return [];
    const parts = hosts.flatMap((host) => table(measured, host));
    return [`## ${titles[group]}`, ...parts];
  }).join("\n\n");
}

function table(measurements: readonly Measurement[], host: Host): string[] {
  const measured = measurements.filter(({ series }) => ours(series, host) !== undefined);
  if (measured.length === 0) return [];
  const order = ["bare", "library", "python"];
  const found = measured.flatMap((one) => rivals(one.series, host))
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  const names = [...new Set(found.map(nameOf))];
  const lines = [["Row", "unit", "this library", ...names]];
  for (const { row, series } of measured) {
    const info = rowInfo(row);
    const own = ours(series, host)!;
    const cells = names.map((name) => {
      const rival = rivals(series, host).find((one) => nameOf(one) === name);
      if (rival === undefined) return "";
      return `${number(median(rival.values))} (×${number(advantage(info, own, rival))})`;
    });
    lines.push([row, info.unit, spread(own), ...cells]);
  }
  const means = names.map((name) => mean(measured, host, name));
  lines.push(["**geometric mean**", "", "", ...means]);
  return [`### On ${host}`, markdown(lines)];
}

function nameOf({ name }: Series): string {
  return name;
}

/** The geometric mean of the rows that count, with the worst of them. */
function mean(measurements: readonly Measurement[], host: Host, name: string): string {
  const ratios = advantages(measurements, host, (one) => nameOf(one) === name);
  if (ratios.length === 0) return "";
  return `**×${number(geometricMean(ratios))}**, least ×${number(Math.min(...ratios))}`;
}

/** For each row that counts, the advantage over the best of the rivals that are asked for. */
function advantages(
  measurements: readonly Measurement[],
  host: Host,
  wanted: (rival: Series) => boolean,
): number[] {
  return measurements.flatMap(({ row, series }) => {
    const info = rowInfo(row);
    const own = ours(series, host);
    const found = rivals(series, host).filter(wanted);
    if (!info.inMean || own === undefined || found.length === 0) return [];
    return [Math.min(...found.map((rival) => advantage(info, own, rival)))];
  });
}

/** What the figures come to: one line for each group and runtime, in Markdown. */
export function summary(measurements: readonly Measurement[]): string {
  const wanted: [title: string, is: (rival: Series) => boolean][] = [
    ["CPython", ({ name }) => name === "CPython"],
    ["uvloop", ({ name }) => name === "uvloop"],
    ["the fastest library", ({ kind }) => kind === "library"],
    ["the bare runtime", ({ kind }) => kind === "bare"],
  ];
  const lines = [["This library against", ...wanted.map(([title]) => title)]];
  for (const group of groups) {
    const measured = measurements.filter(({ row }) => rowInfo(row).group === group);
    for (const host of hosts) {
      const cells = wanted.map(([, is]) => sum(advantages(measured, host, is)));
      if (cells.some((cell) => cell !== "")) lines.push([`${titles[group]} on ${host}`, ...cells]);
    }
  }
  return markdown(lines);
}

/** "×4.20, least ×0.90; 11 of 12 rows ahead": the geometric mean, and what is behind it. */
function sum(ratios: number[]): string {
  if (ratios.length === 0) return "";
  const ahead = ratios.filter((ratio) => ratio >= 1).length;
  const least = number(Math.min(...ratios));
  return `×${number(geometricMean(ratios))}, least ×${least}; ${ahead} of ${ratios.length} ahead`;
}

function markdown(lines: string[][]): string {
  const widths = lines[0]!.map((_, column) =>
    Math.max(...lines.map((line) => line[column]!.length))
  );
  const show = (line: string[]) =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [show(lines[0]!), rule, ...lines.slice(1).map(show)].join("\n");
}
