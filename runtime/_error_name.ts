/**
 * Gives an error class its name where JavaScript looks for it: on the prototype, as the built-in errors have it, and on
 * the class itself. As a literal it survives minifiers that rename classes; not being enumerable it stays out of
 * printed properties. Called in a static block, so that no instance ever pays for it.
 */
export function nameError(
  errorClass: { readonly prototype: Error },
  name: string,
): void {
  const descriptor = { value: name, configurable: true, enumerable: false };
  Object.defineProperty(errorClass.prototype, "name", { ...descriptor, writable: true });
  Object.defineProperty(errorClass, "name", { ...descriptor, writable: false });
}
