import assert from "node:assert/strict";

/** The text of the error that a call throws. */
export function messageOf(call: () => unknown, name: string): string {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof Error);
    assert.equal(error.name, name);
    return error.message;
  }
  assert.fail("nothing was thrown");
}

/** The promise must fail with an error of this name and with exactly this text. */
export async function rejectsWith(
  promise: PromiseLike<unknown>,
  name: string,
  message: string | RegExp,
): Promise<void> {
  await assert.rejects(async () => await promise, { name, message });
}
