// Options that do not exist, have their Python name, or are of the wrong type: JavaScript would ignore them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { run, startServer } from "../../mod.ts";
import { takersOfOptions } from "./_options_takers.ts";
import { ANYTHING, ELSEWHERE, type Row, table } from "./_options_table.ts";

/** Calls it with these options, as a program without types would. */
async function calling({ call }: Row, options: unknown): Promise<void> {
  await (call as (options: unknown) => unknown)(options);
}

/** `reuse_port` for `reusePort`; for one word, which Python has too, a capital letter. */
function misspelt(option: string): string {
  const snake = option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return snake === option ? option.replace(/^./, (letter) => letter.toUpperCase()) : snake;
}

/** Those whose value has an error of its own. */
const OWN_TEXTS: Readonly<Record<string, string>> = {
  family: "Cannot use the family: 4, 6, or 0",
  localAddr: "Cannot use the address",
  remoteAddr: "Cannot use the address",
  sock: "Invalid file object: a Socket is expected",
  limit: "Limit cannot be",
};

function quoted(text: string): string {
  return text.replace(/[^A-Za-z0-9_]/g, "\\$&");
}

for (const row of table) {
  test(`options: ${row.name} refuses a name that there is not`, async () => {
    await assert.rejects(calling(row, { thereIsNoSuchThing: 1 }), {
      name: "TypeError",
      message:
        /^Cannot .*: there is no option "thereIsNoSuchThing", (the options are|its only option is) /,
    });
  });

  test(`options: ${row.name} says the right name of each one misspelt`, async () => {
    for (const option of Object.keys(row.wrong)) {
      const name = misspelt(option);
      const said =
        `there is no option "${name}", (its name here is ${option}$|did you mean ${option}\\?$)`;
      await assert.rejects(calling(row, { [name]: 1 }), {
        name: "TypeError",
        message: new RegExp(said),
      });
    }
  });

  test(`options: ${row.name} refuses a wrong type of each one`, async () => {
    for (const [option, value] of Object.entries(row.wrong)) {
      if (value === ANYTHING) continue;
      await assert.rejects(
        calling(row, { [option]: value }),
        (error) => {
          assert.ok(error instanceof TypeError || error instanceof RangeError, option);
          assert.doesNotMatch(error.message, /is not a function/);
          assert.match(error.message, new RegExp(`\\b${option}\\b|^${OWN_TEXTS[option]}`));
          return true;
        },
      );
    }
  });

  // With these it would shake hands with a server that does not answer.
  if (!row.name.endsWith(" ssl")) {
    test(`options: ${row.name} takes undefined for no option at all`, async () => {
      const options = Object.keys(row.wrong).map((option) => [option, undefined]);
      const outcome = (given: object) => calling(row, given).then(() => "done", String);
      assert.equal(await outcome(Object.fromEntries(options)), await outcome({}));
    });
  }

  test(`options: ${row.name} takes none of what is no options object`, async () => {
    for (const value of [null, 5, "text", [], new Map(), Promise.resolve()]) {
      await assert.rejects(calling(row, value), { name: "TypeError" }, quoted(String(value)));
    }
  });
}

// The documentation is made by Deno alone, from the sources.
if ("Deno" in globalThis) {
  test("options: no function or class of the API that takes options is missing here", () => {
    const known = new Set(table.map(({ name }) => name));
    const missing = [...takersOfOptions()].filter((name) =>
      !known.has(name) && !(name in ELSEWHERE)
    );
    assert.deepEqual(missing, []);
  });

  test("options: all that is proven here is in the API", () => {
    const takers = takersOfOptions();
    const unknown = table.filter(({ name }) => !takers.has(name.replace(/ ssl$/, "")));
    assert.deepEqual(unknown.map(({ name }) => name), []);
  });
}

test("options: one that is undefined counts as absent", async () => {
  await run(async () => {
    const options = { backlog: undefined, noSuchThing: undefined } as object;
    const server = await startServer(() => {}, "127.0.0.1", 0, options);
    server.close();
  });
});

test("options: one that is inherited is checked too", async () => {
  const options = Object.create({ backlog: "1" });
  await run(async () => {
    await assert.rejects(startServer(() => {}, "127.0.0.1", 0, options), {
      name: "TypeError",
      message:
        'Cannot call startServer(): backlog must be a whole number, received a string, "1"; write 1, without the quotes',
    });
  });
});

test("options: a prototype's own names are no options", async () => {
  await run(async () => {
    await assert.rejects(startServer(() => {}, "127.0.0.1", 0, { toString: 5 } as object), {
      message: /^Cannot call startServer\(\): there is no option "toString"/,
    });
  });
});

const values: [option: string, value: unknown, name: string, text: string][] = [
  [
    "backlog",
    NaN,
    "RangeError",
    "Cannot call startServer(): backlog must be a whole number, 0 or above, received NaN",
  ],
  [
    "backlog",
    -1,
    "RangeError",
    "Cannot call startServer(): backlog must be a whole number, 0 or above, received -1",
  ],
  [
    "backlog",
    1.5,
    "RangeError",
    "Cannot call startServer(): backlog must be a whole number, 0 or above, received 1.5",
  ],
  [
    "limit",
    "5",
    "TypeError",
    'Cannot call startServer(): limit must be a number, received a string, "5"; write 5, without the quotes',
  ],
  ["limit", NaN, "RangeError", "Limit cannot be <= 0: current value is NaN"],
  ["limit", -5, "RangeError", "Limit cannot be <= 0: current value is -5"],
  [
    "reuseAddress",
    "x",
    "TypeError",
    'Cannot call startServer(): reuseAddress must be true or false, received a string, "x"',
  ],
  [
    "startServing",
    "false",
    "TypeError",
    'Cannot call startServer(): startServing must be true or false, received a string, "false"; write false, without the quotes',
  ],
  [
    "reusePort",
    null,
    "TypeError",
    "Cannot call startServer(): reusePort must be true or false, received null",
  ],
  [
    "sslHandshakeTimout",
    1,
    "TypeError",
    'Cannot call startServer(): there is no option "sslHandshakeTimout", did you mean sslHandshakeTimeout?',
  ],
  [
    "port",
    80,
    "TypeError",
    'Cannot call startServer(): there is no option "port", host and port come before the options, as in startServer(clientConnected, host, port, options)',
  ],
];

for (const [option, value, name, message] of values) {
  test(`options: startServer({ ${option}: ${String(value)} })`, async () => {
    const options = { [option]: value };
    await run(async () => {
      await assert.rejects(startServer(() => {}, "127.0.0.1", 0, options), { name, message });
    });
  });
}
