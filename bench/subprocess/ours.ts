/** The subprocess rows on this library. */
import * as asyncio from "../../mod.ts";
import { program, throughput, timed } from "../_kit.ts";
import { block, bytes, type Command, expect, nothing, sink, source, spawns } from "./_work.ts";

function start([name, ...args]: Command, options: asyncio.SubprocessOptions = {}) {
  return asyncio.createSubprocessExec(name, args, options);
}

await program({
  "spawn and wait": timed(spawns, async (n) => {
    for (let i = 0; i < n; i++) {
      const child = await start(nothing);
      await child.wait();
    }
  }),
  "bytes out of a child": throughput(bytes, async (size) => {
    const child = await start(source(size), { stdout: asyncio.PIPE });
    const { stdout } = child;
    let got = 0;
    for (let data = await stdout!.read(65536); data.length > 0; data = await stdout!.read(65536)) {
      got += data.length;
    }
    await child.wait();
    expect(got, size);
  }),
  "bytes into a child": throughput(bytes, async (size) => {
    const child = await start(sink, { stdin: asyncio.PIPE });
    const { stdin } = child;
    for (let left = size; left > 0; left -= block.length) {
      stdin!.write(block);
      await stdin!.drain();
    }
    stdin!.close();
    await child.wait();
  }),
}, (body) => asyncio.run(body));
