/** The rows of the benchmarks: what is measured, in which unit, and which way is better. */
import { netRows } from "./net/_serve.ts";

export type Group = "core" | "net" | "subprocess" | "threads";

export const groups: readonly Group[] = ["core", "net", "subprocess", "threads"];

export interface RowInfo {
  name: string;
  group: Group;
  /** As it is printed: "ns", "µs", "MB/s", "per second", "bytes", "ms", "times". */
  unit: string;
  /** How many of the program's figure are one of the unit. */
  scale: number;
  /** Whether less is better. */
  lower: boolean;
  /** Whether the row counts in the geometric mean of its group: rows of time do. */
  inMean: boolean;
  /** For net rows: the client's arguments after the port, and whether both sides share one processor. */
  client?: { work: string; args: string[]; pinned: boolean };
}

const core = [
  "create and await a task",
  "create 20,000, then await",
  "TaskGroup of 20,000",
  "gather of 20,000",
  "sleep(0)",
  "bounded queue pipe",
  "queue ping-pong",
  "free lock",
  "contended lock",
  "lock held over a promise",
  "timeout around a ready coroutine",
  "waitFor a ready coroutine",
  "event fan-out to 100",
  "cancel 20,000 sleepers",
  "20,000 timers set and cancelled",
  "callSoon chain",
];

const lower = { scale: 1, lower: true, inMean: false };
const higher = { scale: 1, lower: false, inMean: true };

export const rows: readonly RowInfo[] = [
  ...core.map((name): RowInfo => ({ ...lower, name, group: "core", unit: "ns", inMean: true })),
  { ...lower, name: "memory of a sleeping task", group: "core", unit: "bytes" },
  { ...lower, name: "import", group: "core", unit: "ms" },
  ...Object.keys(netRows).map(netRow),
  {
    ...lower,
    name: "spawn and wait",
    group: "subprocess",
    unit: "µs",
    scale: 1000,
    inMean: true,
  },
  { ...higher, name: "bytes out of a child", group: "subprocess", unit: "MB/s" },
  { ...higher, name: "bytes into a child", group: "subprocess", unit: "MB/s" },
  ...["empty job there and back", "16 MiB buffer there and back"].map((name): RowInfo => (
    { ...lower, name, group: "threads", unit: "µs", scale: 1000, inMean: true }
  )),
  { ...lower, name: "two CPU-bound jobs against one", group: "threads", unit: "times" },
];

function netRow(name: string): RowInfo {
  const row: RowInfo = { ...higher, name, group: "net", unit: "per second" };
  const seconds = "1.2";
  const client = (work: string, pinned: boolean, ...args: string[]) => ({ work, args, pinned });
  if (name.startsWith("1 GiB")) {
    return { ...row, unit: "MB/s", client: client("send", false, String(1 << 30)) };
  }
  if (name.startsWith("lines")) return { ...row, client: client("lines", false, "3000000") };
  if (name.startsWith("connections")) {
    return { ...row, client: client("connections", true, seconds) };
  }
  const size = name.includes("16 KiB") ? "16384" : "64";
  const many = name.includes("100 connections");
  const work = name.startsWith("TLS") ? "tls" : "echo";
  return { ...row, client: client(work, !many, size, many ? "100" : "1", seconds) };
}

/** The rows that a name asks for: a group, or every row with the name in it. */
export function rowsNamed(name: string): RowInfo[] {
  const found = rows.filter((row) => row.group === name || row.name === name);
  if (found.length > 0) return found;
  return rows.filter((row) => row.name.toLowerCase().includes(name.toLowerCase()));
}
