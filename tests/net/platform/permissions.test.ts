import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { hasNet, requireNet, requireUnix } from "../../../net/platform/permissions.ts";
import { Acceptor, hosts, onDeno, portOf } from "../../_support/net_hosts.ts";

test("host permissions: with all of them, or where there are none, every check passes", () => {
  requireNet("127.0.0.1:80");
  requireNet("[::1]:80");
  requireNet(null);
  requireUnix("/tmp/none.sock");
  requireUnix("\0none");
  assert.equal(hasNet(), true);
});

/** What was attempted, on what, and the flag with its value. */
const PERMISSION_TEXT =
  /^PermissionError Cannot (connect to|listen on|bind|look up( the name of)?) \S+: Deno was not given the permission, run it with --allow-(net|read|write)(=\S+)?$/;

if (onDeno) {
  const probe = fileURLToPath(new URL("./_permission_program.ts", import.meta.url));

  test("host permissions: without them each call is a PermissionError that names the flag", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "asyncio-host-"));
    const stale = path.join(folder, "s.sock");
    const [, host] = hosts[0]!;
    (await host.listenUnix({ path: stale, cleanup: false })).close();
    const listener = await host.listenTcp({ hostname: "127.0.0.1", port: 0 });
    const acceptor = new Acceptor(listener);
    const port = portOf(listener);
    const report = await run([
      `--allow-net=127.0.0.1:${port},localhost:${port}`,
      probe,
      String(port),
      stale,
    ]);
    for (const channel of acceptor.channels) channel.close();
    listener.close();
    const granted = Object.keys(report).filter((call) => report[call] === "made");
    assert.deepEqual(granted, [
      "Deno granted",
      "Deno grantedByName",
      "node:net granted",
      "node:net grantedByName",
    ]);
    for (const [call, outcome] of Object.entries(report)) {
      if (outcome === "made") continue;
      assert.match(outcome, PERMISSION_TEXT, call);
    }
    // Nothing at all happened to it.
    assert.equal(fs.lstatSync(stale).isSocket(), true);
    fs.rmSync(folder, { recursive: true });
  });
}

function run(args: string[]): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    const flags = ["run", "--no-prompt", "--no-check", "--quiet"];
    execFile(
      process.execPath,
      [...flags, ...args],
      { timeout: 30_000 },
      (error, stdout, stderr) => {
        if (error === null) resolve(JSON.parse(stdout));
        else reject(new Error(`the probe ended with ${error.code}: ${stderr}`));
      },
    );
  });
}
