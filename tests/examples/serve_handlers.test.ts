import assert from "node:assert/strict";
import { test } from "node:test";
import { runProgram } from "../_support/programs.ts";
import { openConnection, run } from "../../mod.ts";
import { type Example, withExample } from "../_support/examples.ts";

const program = new URL("../../examples/serve_handlers.ts", import.meta.url);

async function serving(body: (url: string, example: Example) => Promise<void>): Promise<void> {
  const { code, stderr } = await withExample(program, ["--port=0"], async (example) => {
    const [, url] = await example.says(/on (http:\S+)\//);
    await body(url!, example);
    example.signal("SIGINT");
  });
  assert.equal(code, 130);
  assert.equal(stderr, "\nInterrupted: no more requests are taken.\n");
}

test("EXAMPLE serve handlers: a group asks two at once, a timeout bounds the wait", async () => {
  await serving(async (url) => {
    const got = async (path: string): Promise<[number, string]> => {
      const response = await fetch(url + path);
      return [response.status, await response.text()];
    };
    assert.deepEqual(await got("/both"), [200, "ann has 3 orders\n"]);
    assert.deepEqual(await got("/wait?seconds=0.01"), [200, "waited 0.01 s\n"]);
    assert.deepEqual(await got("/wait?seconds=60"), [504, "too slow\n"]);
    assert.deepEqual(await got("/wait?seconds=x"), [404, '"x" is no number of seconds.\n']);
    assert.equal((await got("/nowhere"))[0], 404);
  });
});

test("EXAMPLE serve handlers: the lock keeps visits apart", async () => {
  await serving(async (url) => {
    const answers = await Promise.all(Array.from({ length: 10 }, async () => {
      return Number((await (await fetch(`${url}/visit`)).text()).slice("visit ".length));
    }));
    assert.deepEqual(answers.sort((a, b) => a - b), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});

test("EXAMPLE serve handlers: a client that vanishes harms nobody", async () => {
  await serving(async (url) => {
    await run(async () => {
      const [, writer] = await openConnection("127.0.0.1", Number(new URL(url).port));
      writer.write("GET /wait?seconds=0.5 HTTP/1.1\r\nHost: x\r\n\r\n");
      await writer.drain();
      writer.transport.abort();
    });
    assert.equal(await (await fetch(`${url}/both`)).text(), "ann has 3 orders\n");
  });
});

test("EXAMPLE serve handlers: bad arguments are named", async () => {
  const { code, stderr } = await runProgram(program, { args: ["--port=-1"] });
  assert.equal(code, 2);
  assert.match(stderr, /The port must be between 0 and 65535, not "-1"/);
});
