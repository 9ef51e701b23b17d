/** How an error text names the type of a value that was not wanted: "null", "a string", "an array", "an instance of Foo". */
export function describeType(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") {
    const name: unknown = value.constructor?.name;
    if (typeof name !== "string" || name === "" || name === "Object") return "an object";
    return `an instance of ${name}`;
  }
  if (typeof value === "undefined") return "undefined";
  return `a ${typeof value}`;
}

/** A duration in an error text: "5 seconds", "0.25 seconds". */
export function describeSeconds(seconds: number): string {
  const shown = Number(seconds.toPrecision(6));
  return `${shown} ${shown === 1 ? "second" : "seconds"}`;
}

const ownErrors: WeakSet<object> = new WeakSet();

/** Whether an error is of one of the library's classes; not of a class that was derived from one. */
export function isOwnError(error: Error): boolean {
  return ownErrors.has(Object.getPrototypeOf(error));
}

/**
 * Gives an error class its name where JavaScript looks for it: on the prototype, as the built-in errors have it, and on
 * the class itself. As a literal it survives minifiers that rename classes; not being enumerable it stays out of
 * printed properties. Called in a static block, so that no instance ever pays for it.
 */
export function nameError(
  errorClass: { readonly prototype: Error },
  name: string,
): void {
  ownErrors.add(errorClass.prototype);
  const descriptor = { value: name, configurable: true, enumerable: false };
  Object.defineProperty(errorClass.prototype, "name", { ...descriptor, writable: true });
  Object.defineProperty(errorClass, "name", { ...descriptor, writable: false });
}

const advices: WeakMap<object, string> = new WeakMap();

/** Says of classes whose objects belong to one thread what to pass to another one in their place. */
export function staysInThread(
  advice: string,
  ...classes: readonly { readonly prototype: object }[]
): void {
  for (const { prototype } of classes) advices.set(prototype, advice);
}

/** What to do instead of passing the object to a thread; null where nothing is against that. */
export function adviceAgainstPassing(value: object): string | null {
  let prototype: object | null = Object.getPrototypeOf(value);
  while (prototype !== null && prototype !== Object.prototype) {
    const advice = advices.get(prototype);
    if (advice !== undefined) return advice;
    prototype = Object.getPrototypeOf(prototype);
  }
  return null;
}
