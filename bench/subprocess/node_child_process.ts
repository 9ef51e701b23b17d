/** The limit of the runtimes' own children: node:child_process. */
import { spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { program, throughput, timed } from "../_kit.ts";
import { block, bytes, type Command, expect, nothing, sink, source, spawns } from "./_work.ts";

function start([name, ...args]: Command, options: SpawnOptions = { stdio: "inherit" }) {
  return spawn(name, args, options);
}

await program({
  "spawn and wait": timed(spawns, async (n) => {
    for (let i = 0; i < n; i++) await once(start(nothing), "exit");
  }),
  "bytes out of a child": throughput(bytes, async (size) => {
    const child = start(source(size), { stdio: ["inherit", "pipe", "inherit"] });
    let got = 0;
    child.stdout!.on("data", (data: Uint8Array) => got += data.length);
    await once(child, "close");
    expect(got, size);
  }),
  "bytes into a child": throughput(bytes, async (size) => {
    const child = start(sink, { stdio: ["pipe", "inherit", "inherit"] });
    const end = once(child, "exit");
    for (let left = size; left > 0; left -= block.length) {
      if (!child.stdin!.write(block)) await once(child.stdin!, "drain");
    }
    child.stdin!.end();
    await end;
  }),
});
