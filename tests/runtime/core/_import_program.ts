/** Imports the library, and prints which parts of the runtime that are loaded at their first use it has asked for. */
const asked: string[] = [];

function watch(owner: object): void {
  for (const name of Object.getOwnPropertyNames(owner)) {
    const { get, ...rest } = Object.getOwnPropertyDescriptor(owner, name)!;
    if (get === undefined || rest.configurable !== true) continue;
    Object.defineProperty(owner, name, {
      ...rest,
      get(): unknown {
        asked.push(name);
        return Reflect.apply(get, owner, []);
      },
    });
  }
}

const { Deno } = globalThis as { Deno?: object };
watch(globalThis);
if (Deno !== undefined) watch(Deno);
await import("../../../mod.ts");
const found = [...asked];
console.log(JSON.stringify(found));
