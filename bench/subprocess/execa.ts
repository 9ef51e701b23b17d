/** The subprocess rows on execa, without its buffering: the bytes are taken as they come. */
import { once } from "node:events";
import { load, program, throughput, timed } from "../_kit.ts";
import { block, bytes, type Command, expect, nothing, sink, source, spawns } from "./_work.ts";

const { execa } = await load("execa");

function start([name, ...args]: Command, options: Record<string, unknown>) {
  return execa(name, args, { buffer: false, ...options });
}

await program({
  "spawn and wait": timed(spawns, async (n) => {
    for (let i = 0; i < n; i++) await start(nothing, { stdio: "inherit" });
  }),
  "bytes out of a child": throughput(bytes, async (size) => {
    const child = start(source(size), { stdio: ["inherit", "pipe", "inherit"] });
    let got = 0;
    child.stdout.on("data", (data: Uint8Array) => got += data.length);
    await child;
    expect(got, size);
  }),
  "bytes into a child": throughput(bytes, async (size) => {
    const child = start(sink, { stdio: ["pipe", "inherit", "inherit"] });
    for (let left = size; left > 0; left -= block.length) {
      if (!child.stdin.write(block)) await once(child.stdin, "drain");
    }
    child.stdin.end();
    await child;
  }),
});
