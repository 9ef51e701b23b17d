import { describeType } from "../base/format.ts";
import type { LoopCore } from "../core/loop_core.ts";
import { warn } from "../base/warnings.ts";

type Generator = AsyncGenerator<unknown, unknown, unknown>;

/** The async generators that were handed to `trackAsyncgen` and are still open. */
export class AsyncGenerators {
  readonly #loop: LoopCore;
  readonly #open: Set<Generator> = new Set();
  #shutDown = false;

  constructor(loop: LoopCore) {
    this.#loop = loop;
  }

  /** Watches the generator's own methods to see its end, of which JavaScript gives no notice. */
  track<G extends Generator>(generator: G): G {
    requireGenerator(generator);
    if (this.#open.has(generator)) return generator;
    if (this.#shutDown) {
      warn(
        "ResourceWarning",
        "An asynchronous generator was tracked after shutdownAsyncgens(): nothing will close it",
      );
    }
    this.#open.add(generator);
    for (const name of ["next", "return", "throw"] as const) {
      const method = generator[name].bind(generator) as (value?: unknown) => Promise<
        IteratorResult<unknown, unknown>
      >;
      generator[name] = (value?: unknown) => {
        const step = method(value);
        step.then(
          ({ done }) => done && this.#open.delete(generator),
          () => this.#open.delete(generator),
        );
        return step;
      };
    }
    return generator;
  }

  async closeAll(): Promise<void> {
    this.#shutDown = true;
    const generators = [...this.#open];
    this.#open.clear();
    await Promise.all(generators.map(async (asyncgen) => {
      try {
        await asyncgen.return(undefined);
      } catch (error) {
        this.#loop.callExceptionHandler({
          message: "an error occurred during closing of asynchronous generator",
          exception: error,
          asyncgen,
        });
      }
    }));
  }
}

/** @throws {TypeError} if it is not a generator, as where its function was not called */
function requireGenerator(value: unknown): void {
  const { next, return: end, throw: fail } = Object(value) as Partial<Generator>;
  if ([next, end, fail].every((method) => typeof method === "function")) return;
  const hint = typeof value === "function" ? "; call it, trackAsyncgen(numbers())" : "";
  throw new TypeError(
    `Cannot call trackAsyncgen(): an async generator is needed, received ${
      describeType(value)
    }${hint}`,
  );
}
