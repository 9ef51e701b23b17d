/**
 * Serves requests as the first thing that it does, so that no variable has been set before: what a handler sets at once is then
 * the first frame of all. Prints what the handlers saw before they set it.
 */
import process from "node:process";
import { ContextVar, sleep } from "../../../mod.ts";
import { webServers, withServer } from "../../_support/web_servers.ts";

const name = process.argv[2]!;
const serve = webServers.find(([known]) => known === name)![1];
const user = new ContextVar("user", { default: "nobody" });
let requests = 0;

await withServer(serve, async () => {
  const before = user.get();
  const mine = `user ${++requests}`;
  user.set(mine);
  await sleep(0.001);
  return `${before} ${user.get() === mine}`;
}, async (server) => {
  const seen = new Set(await server.getInTurn(["/1", "/2", "/3"]));
  for (const body of await Promise.all(Array.from({ length: 20 }, () => server.get("/")))) {
    seen.add(body);
  }
  console.log([...seen].join(", "));
});
process.exit(0);
