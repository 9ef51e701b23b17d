interface WarningEmitter {
  emitWarning(message: string, category: string): void;
}

/** Python's `warnings.warn`: printed once by the runtime, and told to `process.on("warning")`. */
export function warn(category: "RuntimeWarning" | "ResourceWarning", message: string): void {
  const { process } = globalThis as unknown as { process: WarningEmitter };
  process.emitWarning(message, category);
}
