import * as exceptions from "./exceptions.ts";
import type { ErrorMaker, Wire } from "./_thread_wire.ts";
import { makeWire } from "./_thread_wire.ts";

/** This thread's side of the border. */
export const wire: Wire = makeWire();

let makers: ReadonlyMap<string, ErrorMaker> | null = null;

/** Makes errors of this library's classes, by name. */
export function findErrorClass(name: string): ErrorMaker | undefined {
  makers ??= new Map(
    Object.values(exceptions).map((errorClass) => [errorClass.name, makerOf(errorClass)]),
  );
  return makers.get(name);
}

/** The fields follow from the other side, so no constructor is asked but the one whose class has private parts. */
function makerOf(errorClass: { readonly prototype: Error; readonly name: string }): ErrorMaker {
  if (errorClass === exceptions.ExceptionGroup) {
    return (message, errors) => new exceptions.ExceptionGroup(message, errors);
  }
  return (message) => Object.setPrototypeOf(new Error(message), errorClass.prototype);
}
