/** The limit on Bun: `Bun.spawn`. */
import { program, throughput, timed } from "../_kit.ts";
import { block, bytes, type Command, expect, nothing, sink, source, spawns } from "./_work.ts";

interface BunChild {
  exited: Promise<number>;
  stdout: AsyncIterable<Uint8Array>;
  stdin: { write(data: Uint8Array): number | Promise<number>; end(): unknown };
}

const { Bun } = globalThis as unknown as {
  Bun: {
    spawn(command: Command, options: { stdin?: string; stdout: string }): BunChild;
  };
};

await program({
  "spawn and wait": timed(spawns, async (n) => {
    for (let i = 0; i < n; i++) await Bun.spawn(nothing, { stdout: "inherit" }).exited;
  }),
  "bytes out of a child": throughput(bytes, async (size) => {
    const child = Bun.spawn(source(size), { stdout: "pipe" });
    let got = 0;
    for await (const data of child.stdout) got += data.length;
    await child.exited;
    expect(got, size);
  }),
  "bytes into a child": throughput(bytes, async (size) => {
    const child = Bun.spawn(sink, { stdin: "pipe", stdout: "inherit" });
    for (let left = size; left > 0; left -= block.length) await child.stdin.write(block);
    await child.stdin.end();
    await child.exited;
  }),
});
