const inspectSymbol: unique symbol = Symbol.for("nodejs.util.inspect.custom");

const numbers: WeakMap<object, number> = new WeakMap();
let lastNumber = 0;

/** A number that tells an object from others of its kind; JavaScript shows no addresses. */
export function identityOf(object: object): number {
  let number = numbers.get(object);
  if (number === undefined) {
    number = ++lastNumber;
    numbers.set(object, number);
  }
  return number;
}

/** `<Lock #1 [locked, waiters:2]>`: how a primitive shows itself. */
export function display(object: object, state: string, waiting: number): string {
  const waiters = waiting > 0 ? `, waiters:${waiting}` : "";
  return `<${object.constructor.name} #${identityOf(object)} [${state}${waiters}]>`;
}

/** Makes `console.log` print what `show` tells, on all runtimes. */
export function showAs<O extends object>(prototype: O, show: (object: O) => string): void {
  Object.defineProperty(prototype, inspectSymbol, {
    configurable: true,
    enumerable: false,
    writable: true,
    value(this: O): string {
      return show(this);
    },
  });
}
