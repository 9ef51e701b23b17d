/** What the server programs share: they take one row, print their port and serve until they are ended. */
import { readFileSync } from "node:fs";
import process from "node:process";

/** The work of a net row, whatever it is written with. */
export type Work = "echo" | "sink" | "lines" | "tls echo";

/** The rows, each with the server it needs: the first word after the comma tells streams from protocols. */
export const netRows: Readonly<Record<string, Work>> = {
  "echo 64 B, streams": "echo",
  "echo 64 B, protocol": "echo",
  "echo 16 KiB, streams": "echo",
  "echo 16 KiB, protocol": "echo",
  "echo 64 B on 100 connections, streams": "echo",
  "echo 64 B on 100 connections, protocol": "echo",
  "connections, streams": "echo",
  "connections, protocol": "echo",
  "1 GiB in, streams": "sink",
  "1 GiB in, protocol": "sink",
  "TLS echo 64 B, streams": "tls echo",
  "TLS echo 64 B, protocol": "tls echo",
  "lines, streams": "lines",
};

/** Serves the row the runner asks for with what `servers` has for its work; resolves when it listens. */
export async function serve(
  servers: Partial<Record<Work, (row: string) => unknown>>,
): Promise<void> {
  const [wanted = ""] = process.argv.slice(2);
  if (wanted === "--list") {
    const rows = Object.keys(netRows).filter((row) => servers[netRows[row]!] !== undefined);
    console.log(JSON.stringify(rows));
    return;
  }
  const server = servers[netRows[wanted]!];
  if (server === undefined) throw new Error(`no row "${wanted}"`);
  await server(wanted);
}

/** Tells the runner where to send the client. */
export function listening(port: number): void {
  console.log(port);
}

export function certificate(): { cert: string; key: string } {
  return {
    cert: readFileSync(process.env["BENCH_CERT"]!, "utf8"),
    key: readFileSync(process.env["BENCH_KEY"]!, "utf8"),
  };
}
