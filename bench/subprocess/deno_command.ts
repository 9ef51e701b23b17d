/** The limit on Deno: `Deno.Command`. */
import { program, throughput, timed } from "../_kit.ts";
import { block, bytes, type Command, expect, nothing, sink, source, spawns } from "./_work.ts";

function spawn([name, ...args]: Command, options: Deno.CommandOptions = {}): Deno.ChildProcess {
  return new Deno.Command(name, { args, ...options }).spawn();
}

await program({
  "spawn and wait": timed(spawns, async (n) => {
    for (let i = 0; i < n; i++) await spawn(nothing).status;
  }),
  "bytes out of a child": throughput(bytes, async (size) => {
    const child = spawn(source(size), { stdout: "piped" });
    let got = 0;
    for await (const data of child.stdout) got += data.length;
    await child.status;
    expect(got, size);
  }),
  "bytes into a child": throughput(bytes, async (size) => {
    const child = spawn(sink, { stdin: "piped" });
    const writer = child.stdin.getWriter();
    for (let left = size; left > 0; left -= block.length) await writer.write(block);
    await writer.close();
    await child.status;
  }),
});
