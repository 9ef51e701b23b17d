import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  copyContext,
  createTask,
  currentTask,
  ExceptionGroup,
  FatalError,
  Future,
  getEventLoop,
  KeyboardInterrupt,
  run,
  RuntimeError,
  sleep,
  TaskGroup,
  timeout,
  TimeoutError,
} from "../../../mod.ts";
import type { Task } from "../../../mod.ts";
import { assertCancelled, outcome, runs, ticks, Trouble } from "../../_support/tasks.ts";
import { hasTimers, virtualLoop } from "../../_support/virtual_loop.ts";

const forever = () => sleep(1e9);

async function fails(message: string): Promise<never> {
  await sleep(0.1);
  throw new Trouble(message);
}

/** Fails while it is being cancelled. */
async function crashesWhenCancelled(message: string): Promise<void> {
  try {
    await forever();
  } finally {
    // deno-lint-ignore no-unsafe-finally
    throw new Trouble(message);
  }
}

/** Takes some seconds to unwind. */
async function slowToUnwind(seconds: number, log: string[] = []): Promise<void> {
  try {
    await forever();
  } finally {
    await sleep(seconds);
    log.push("unwound");
  }
}

async function rejection(promise: PromiseLike<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("It did not reject");
}

/** The tree of errors as nested lists of messages. */
function shape(error: unknown): unknown {
  if (error instanceof ExceptionGroup) return error.errors.map(shape);
  return error instanceof Error ? error.message : error;
}

async function assertGroup(promise: PromiseLike<unknown>, expected: unknown): Promise<void> {
  const error = await rejection(promise);
  assert.ok(error instanceof ExceptionGroup, String(error));
  assert.equal(error.message, "unhandled errors in a TaskGroup");
  assert.deepEqual(shape(error), expected);
}

function cancelling(): number {
  return currentTask()!.cancelling();
}

runs(
  "TG-01: it is left when all children have ended, whose results stay readable",
  async (loop) => {
    const [a, b] = await new TaskGroup().with((group) => [
      group.createTask(() => sleep(1, "a")),
      group.createTask(() => sleep(2, 11)),
    ]);
    assert.equal(loop.time(), 2);
    assert.deepEqual([a!.result(), b!.result()], ["a", 11]);
  },
);

runs("TG-01: children may join after awaits in the body", async () => {
  const [a, b] = await new TaskGroup().with(async (group) => {
    const a = group.createTask(() => sleep(1, "a"));
    await sleep(5);
    return [a, group.createTask(() => sleep(2, "b"))];
  });
  assert.deepEqual([a!.result(), b!.result()], ["a", "b"]);
});

runs("TG-01: with() gives what the body returns, also without children", async () => {
  assert.equal(await new TaskGroup().with(() => "plain"), "plain");
  assert.equal(await new TaskGroup().with(() => sleep(1, "async")), "async");
});

runs("TG-02: cancelling one child is no failure", async () => {
  const [a, b] = await new TaskGroup().with(async (group) => {
    const a = group.createTask(forever);
    const b = group.createTask(() => sleep(1, "b"));
    await sleep(0.5);
    a.cancel();
    await sleep(0.1);
    return [a, b] as const;
  });
  assert.deepEqual([outcome(a), outcome(b)], ["cancelled", "result b"]);
});

runs(
  "TG-03: a child fails while the group only waits: siblings are cancelled and unwound",
  async (loop) => {
    const log: string[] = [];
    let [body, after] = [false, false];
    let sibling!: Task<void>;
    const promise = (async () => {
      await new TaskGroup().with((group) => {
        sibling = group.createTask(() => slowToUnwind(3, log));
        group.createTask(() => fails("child"));
        body = true;
      });
      after = true;
    })();
    await assertGroup(promise, ["child"]);
    assert.deepEqual([body, after], [true, false]);
    assert.deepEqual(log, ["unwound"]);
    assert.equal(sibling.cancelled(), true);
    assert.equal(loop.time(), 3.1);
    assert.equal(cancelling(), 0);
  },
);

runs("TG-04: a child fails while the body runs: the body is interrupted at its await", async () => {
  let [seen, sibling, reached] = [
    null as unknown,
    null as unknown as Task<void>,
    false,
  ];
  const promise = new TaskGroup().with(async (group) => {
    sibling = group.createTask(forever);
    group.createTask(() => fails("child"));
    try {
      await forever();
    } catch (error) {
      seen = error;
      throw error;
    }
    reached = true;
  });
  await assertGroup(promise, ["child"]);
  assert.ok(seen instanceof CancelledError);
  assert.equal(sibling.cancelled(), true);
  assert.equal(reached, false);
  assert.equal(cancelling(), 0);
});

runs(
  "TG-05: parent cancelled while the group waits: the children are, and CancelledError leaves",
  async () => {
    const seen: string[] = [];
    const child = (name: string) => async () => {
      try {
        await forever();
      } catch (error) {
        seen.push(`${name} ${error}`);
        throw error;
      }
    };
    const parent = createTask(() =>
      new TaskGroup().with((group) => {
        group.createTask(child("a"));
        group.createTask(child("b"));
      })
    );
    await sleep(1);
    parent.cancel("parent");
    await assertCancelled(parent, "parent");
    assert.deepEqual(seen, ["a CancelledError", "b CancelledError"]);
  },
);

runs(
  "TG-06: parent cancelled in the body: the body sees it before the children are cancelled",
  async () => {
    const log: string[] = [];
    const parent = createTask(() =>
      new TaskGroup().with(async (group) => {
        group.createTask(async () => {
          try {
            await forever();
          } finally {
            log.push("child");
          }
        });
        try {
          await forever();
        } finally {
          log.push("body");
          await ticks(3);
          log.push("body ends");
        }
      })
    );
    await sleep(1);
    parent.cancel("parent");
    await assertCancelled(parent, "parent");
    assert.deepEqual(log, ["body", "body ends", "child"]);
  },
);

runs(
  "TG-07: children that crash while a cancellation unwinds turn it into an ExceptionGroup",
  async () => {
    const parent = createTask(() =>
      new TaskGroup().with(async (group) => {
        group.createTask(() => crashesWhenCancelled("a"));
        group.createTask(() => crashesWhenCancelled("b"));
        await forever();
      })
    );
    await sleep(1);
    parent.cancel();
    await assertGroup(parent, ["a", "b"]);
  },
);

for (const seconds of [0, 5]) {
  runs(`TG-08: an error of the body after ${seconds} seconds cancels the children`, async () => {
    const error = new Trouble("body");
    const children: Task<void>[] = [];
    const promise = new TaskGroup().with(async (group) => {
      children.push(group.createTask(forever), group.createTask(forever));
      if (seconds > 0) await sleep(seconds);
      throw error;
    });
    const thrown = await rejection(promise);
    assert.ok(thrown instanceof ExceptionGroup);
    assert.deepEqual(thrown.errors, [error]);
    assert.equal(thrown.errors[0], error);
    assert.deepEqual(children.map(outcome), ["cancelled", "cancelled"]);
  });
}

runs("TG-08: also when the body throws before it awaits anything", async () => {
  await assertGroup(
    new TaskGroup().with(() => {
      throw new Trouble("at once");
    }),
    ["at once"],
  );
});

runs("TG-09: nested groups, cancelled from outside, inner children crashing", async () => {
  const parent = createTask(() =>
    new TaskGroup().with(async (outer) => {
      outer.createTask(forever);
      await new TaskGroup().with(async (inner) => {
        inner.createTask(() => crashesWhenCancelled("a"));
        inner.createTask(() => crashesWhenCancelled("b"));
        await forever();
      });
    })
  );
  await sleep(1);
  parent.cancel();
  await assertGroup(parent, [["a", "b"]]);
});

runs(
  "TG-10: a failing child of the outer group ends a body that sits in an inner one",
  async () => {
    let inner: Task<void> | null = null;
    const promise = new TaskGroup().with(async (outer) => {
      outer.createTask(() => fails("outer child"));
      await new TaskGroup().with(async (group) => {
        inner = group.createTask(forever);
        await forever();
      });
    });
    await assertGroup(promise, ["outer child"]);
    assert.equal(inner!.cancelled(), true);
    assert.equal(cancelling(), 0);
  },
);

runs("TG-11: the inner group's ExceptionGroup is the only error in that of the outer", async () => {
  let child!: Task<void>;
  const promise = new TaskGroup().with(async (outer) => {
    child = outer.createTask(forever);
    await new TaskGroup().with(async (group) => {
      group.createTask(() => fails("inner child"));
      await forever();
    });
  });
  await assertGroup(promise, [["inner child"]]);
  assert.equal(child.cancelled(), true);
  assert.equal(cancelling(), 0);
});

for (const wrapped of [false, true]) {
  const how = wrapped ? "through a task that awaits it" : "itself";
  runs(
    `TG-12: parent cancelled ${how}, body slow to unwind, child crashing meanwhile`,
    async (loop) => {
      const parent = createTask(() =>
        new TaskGroup().with(async (group) => {
          group.createTask(() => crashesWhenCancelled("crash"));
          loop.callLater(2, () => failing.setResult());
          const failing = new Future<void>();
          group.createTask(async () => {
            await failing;
            throw new Trouble("meanwhile");
          });
          try {
            await forever();
          } finally {
            await sleep(5);
          }
        })
      );
      const awaiting = wrapped ? createTask(async () => await parent) : parent;
      await sleep(1);
      awaiting.cancel();
      await assertGroup(awaiting, ["meanwhile", "crash"]);
    },
  );
}

runs("TG-13: a body that answers CancelledError with an error of its own", async () => {
  const parent = createTask(() =>
    new TaskGroup().with(async () => {
      try {
        await forever();
      } catch {
        throw new Trouble("own");
      }
    })
  );
  await sleep(1);
  parent.cancel();
  await assertGroup(parent, ["own"]);
});

runs(
  "TG-14: a child's crash and the body's error while it unwinds are both there, the body's last",
  async () => {
    const promise = new TaskGroup().with(async (group) => {
      group.createTask(() => fails("child"));
      try {
        await forever();
      } finally {
        // deno-lint-ignore no-unsafe-finally
        throw new Trouble("body");
      }
    });
    await assertGroup(promise, ["child", "body"]);
    assert.equal(cancelling(), 0);
  },
);

runs("TG-15: a FatalError of the body leaves bare, after the children have ended", async () => {
  const fatal = new KeyboardInterrupt("body");
  const log: string[] = [];
  const promise = new TaskGroup().with(async (group) => {
    group.createTask(() => crashesWhenCancelled("child"));
    group.createTask(() => slowToUnwind(3, log));
    await sleep(1);
    throw fatal;
  });
  assert.equal(await rejection(promise), fatal);
  assert.deepEqual(log, ["unwound"]);
});

runs("TG-16: whatever else is thrown joins the group, Error or not", async () => {
  const promise = new TaskGroup().with((group) => {
    for (const value of ["text", null, undefined, 0]) {
      group.createTask(async () => {
        await sleep(1);
        throw value;
      });
    }
    group.createTask(() => crashesWhenCancelled("child"));
  });
  const thrown = await rejection(promise);
  assert.ok(thrown instanceof ExceptionGroup);
  assert.deepEqual(thrown.errors.slice(0, 4), ["text", null, undefined, 0]);
  assert.deepEqual(shape(thrown.errors[4]), "child");
});

runs("TG-16: so does what the body throws", async () => {
  await assertGroup(
    new TaskGroup().with(() => {
      // deno-lint-ignore no-throw-literal
      throw null;
    }),
    [null],
  );
});

runs("TG-17: a child that has ended is not kept by its group", async () => {
  await new TaskGroup().with(async (group) => {
    const child = group.createTask(() => sleep(1));
    assert.equal(String(group), "<TaskGroup tasks=1 entered>");
    await child;
    await ticks();
    assert.equal(String(group), "<TaskGroup entered>");
  });
});

runs("TG-18: children may start siblings while the group already waits", async (loop) => {
  const log: number[] = [];
  const chain = (group: TaskGroup, left: number) => async (): Promise<void> => {
    await sleep(1);
    log.push(left);
    if (left > 0) group.createTask(chain(group, left - 1));
  };
  await new TaskGroup().with((group) => {
    group.createTask(chain(group, 3));
  });
  assert.deepEqual(log, [3, 2, 1, 0]);
  assert.equal(loop.time(), 4);
});

runs("TG-19: a failing child ends even children that respawn for ever", async () => {
  let heads = 0;
  const promise = new TaskGroup().with((group) => {
    const hydra = async (): Promise<void> => {
      heads++;
      await sleep(0.01);
      group.createTask(hydra);
      group.createTask(hydra);
    };
    group.createTask(hydra);
    group.createTask(async () => {
      while (heads < 10) await sleep(0.015);
      throw new Trouble("Hercules");
    });
  });
  await assertGroup(promise, ["Hercules"]);
  assert.ok(heads >= 10);
});

runs("TG-19: createTask() in a group that shuts down is refused", async () => {
  let refusal: unknown;
  const promise = new TaskGroup().with(async (group) => {
    group.createTask(() => fails("first"));
    try {
      await forever();
    } finally {
      try {
        group.createTask(forever);
      } catch (error) {
        refusal = error;
      }
    }
  });
  await assertGroup(promise, ["first"]);
  assert.match(String(refusal), /RuntimeError: <TaskGroup .*> is shutting down/);
});

runs("TG-20: createTask() passes name and context on", async () => {
  const context = copyContext();
  await new TaskGroup().with((group) => {
    const child = group.createTask(() => sleep(0), { name: "yolo", context });
    assert.equal(child.getName(), "yolo");
    assert.equal(child.getContext(), context);
  });
});

runs("TG-20: a signal cancels the child it was given for, which is no failure", async () => {
  const controller = new AbortController();
  const [a, b] = await new TaskGroup().with((group) => {
    const a = group.createTask(forever, { signal: controller.signal });
    const b = group.createTask(() => sleep(5, "b"));
    group.createTask(async () => {
      await sleep(1);
      controller.abort();
    });
    return [a, b] as const;
  });
  assert.deepEqual([outcome(a), outcome(b)], ["cancelled", "result b"]);
});

runs("TG-21: entering it a second time is refused, nested or later", async () => {
  const group = new TaskGroup();
  await group.with(async () => {
    await assert.rejects(group.with(() => {}), /has already been entered/);
  });
  await assert.rejects(group.with(() => {}), /has already been entered/);
});

runs(
  "TG-22: createTask() before the entry or after the end is refused, and the coroutine not called",
  async () => {
    let called = false;
    const body = () => {
      called = true;
    };
    const group = new TaskGroup();
    assert.throws(() => group.createTask(body), /has not been entered/);
    await group.with((group) => {
      group.createTask(() => sleep(0));
    });
    assert.throws(() => group.createTask(body), /is finished/);
    await ticks(3);
    assert.equal(called, false);
  },
);

runs("TG-22: work that has started already is refused with the right call", async () => {
  await new TaskGroup().with((group) => {
    assert.throws(() => group.createTask(Promise.resolve() as never), /group\.createTask\(\(\) =>/);
  });
  await assert.rejects(new TaskGroup().with(Promise.resolve() as never), TypeError);
});

test("TG-23: it works outside any task", async () => {
  assert.equal(currentTask(), null);
  const results = await new TaskGroup().with((group) =>
    [1, 2].map((n) => group.createTask(() => sleep(0.001, n)))
  );
  assert.deepEqual(results.map((task) => task.result()), [1, 2]);
  assert.equal(results[0]!.getLoop(), getEventLoop());
});

test("TG-23: outside any task a failing child interrupts the body, too", async () => {
  let seen: unknown;
  const promise = new TaskGroup().with(async (group) => {
    group.createTask(async () => {
      await sleep(0.001);
      throw new Trouble("child");
    });
    try {
      await sleep(60);
    } catch (error) {
      seen = error;
      throw error;
    }
  });
  await assertGroup(promise, ["child"]);
  assert.ok(seen instanceof CancelledError);
});

runs("TG-24: cancelling() is back at 0 after a failure of the group's own", async () => {
  let inside = -1;
  await assertGroup(
    new TaskGroup().with(async (group) => {
      group.createTask(() => fails("child"));
      try {
        await forever();
      } finally {
        inside = cancelling();
      }
    }),
    ["child"],
  );
  assert.equal(inside, 1);
  assert.equal(cancelling(), 0);
  await sleep(1);
});

runs(
  "TG-25: two nested groups failing in one tick: 1 after the inner, 0 after the outer",
  async () => {
    const counts: number[] = [];
    let inner: unknown;
    const fail = (message: string) => async () => {
      await sleep(0);
      throw new Trouble(message);
    };
    const promise = new TaskGroup().with(async (outer) => {
      try {
        await new TaskGroup().with(async (group) => {
          outer.createTask(fail("outer"));
          group.createTask(fail("inner"));
          await forever();
        });
      } catch (error) {
        inner = error;
        counts.push(cancelling());
      }
    });
    await assertGroup(promise, ["outer"]);
    counts.push(cancelling());
    assert.deepEqual(shape(inner), ["inner"]);
    assert.deepEqual(counts, [1, 0]);
  },
);

runs(
  "TG-26: outside cancel together with a child's error: the group first, the cancel at the next wait",
  async () => {
    const event = new Future<void>();
    const log: unknown[] = [];
    const parent = createTask(async () => {
      try {
        await new TaskGroup().with(async (group) => {
          group.createTask(async () => {
            await event;
            throw new Trouble("child");
          });
          await forever();
        });
      } catch (error) {
        log.push(shape(error), cancelling());
      }
      try {
        await forever();
      } catch (error) {
        log.push((error as Error).name, cancelling());
        throw error;
      }
    });
    await ticks(2);
    event.setResult();
    await ticks();
    parent.cancel();
    await assertCancelled(parent);
    assert.deepEqual(log, [["child"], 1, "CancelledError", 1]);
    assert.equal(parent.cancelling(), 1);
  },
);

runs("TG-26: the message of a request that its failures outweigh is not overwritten", async () => {
  const task = createTask(async () => {
    currentTask()!.cancel("shutting down");
    await assert.rejects(
      new TaskGroup().with(() => Promise.reject(new Trouble("body"))),
      ExceptionGroup,
    );
    await sleep(1);
  });
  await assertCancelled(task, "shutting down");
});

runs(
  "TG-26: a cancel during the unwinding after a failure is kept for the next wait, too",
  async () => {
    const log: unknown[] = [];
    const parent = createTask(async () => {
      log.push(shape(
        await rejection(
          new TaskGroup().with((group) => {
            group.createTask(() => slowToUnwind(5));
            group.createTask(() => fails("child"));
          }),
        ),
      ));
      await sleep(1);
      log.push("not reached");
    });
    await sleep(3);
    parent.cancel();
    await assertCancelled(parent);
    assert.deepEqual(log, [["child"]]);
  },
);

/** A group whose child fails five seconds after it was cancelled. */
const failsLate = (): Promise<void> =>
  new TaskGroup().with((group) => {
    group.createTask(async () => {
      await slowToUnwind(5).catch(() => fails("late"));
    });
  });

for (
  const [what, body] of [
    ["a timeout", () => timeout(1).with(failsLate)],
    ["two timeouts", () => timeout(2).with(() => timeout(1).with(failsLate))],
    [
      "a group",
      () =>
        new TaskGroup().with(async (group) => {
          group.createTask(() => sleep(1).then(() => fails("early")));
          await failsLate();
        }),
    ],
  ] as const
) {
  runs(
    `TG-26: ${what} that ended the group first does not take the cancel from outside`,
    async () => {
      const parent = createTask(async () => {
        const error = await rejection(body());
        assert.ok(error instanceof ExceptionGroup);
        assert.equal(cancelling(), 1);
        await forever();
      });
      await sleep(3);
      parent.cancel();
      await assertCancelled(parent);
    },
  );
}

test("TG-27: a FatalError in a child ends the run with it, past the group", async () => {
  const fatal = new FatalError("the disk is full");
  let caught: unknown;
  const main = async () => {
    try {
      await new TaskGroup().with((group) => {
        group.createTask(async () => {
          await sleep(1);
          throw fatal;
        });
        group.createTask(forever);
      });
    } catch (error) {
      caught = error;
      throw error;
    }
  };
  await assert.rejects(run(main, { loopFactory: virtualLoop }), (error) => error === fatal);
  // At the end of the run main is cancelled like any task that is left.
  assert.ok(caught === fatal || caught instanceof CancelledError, String(caught));
});

runs(
  "TG-28: a CancelledError thrown by hand in the body cancels the children and leaves",
  async () => {
    const error = new CancelledError("by hand");
    let child!: Task<void>;
    const promise = new TaskGroup().with(async (group) => {
      child = group.createTask(forever);
      await sleep(1);
      throw error;
    });
    assert.equal(await rejection(promise), error);
    assert.equal(child.cancelled(), true);
  },
);

runs("TG-28: one thrown by hand in a child counts as a cancelled child", async () => {
  const child = await new TaskGroup().with((group) => [
    group.createTask(() => {
      throw new CancelledError("by hand");
    }),
    group.createTask(() => sleep(1)),
  ]);
  assert.deepEqual(child.map(outcome), ["cancelled", "result undefined"]);
});

runs("TG-29: a body that swallows the abort runs on, without createTask()", async () => {
  const log: unknown[] = [];
  const promise = new TaskGroup().with(async (group) => {
    group.createTask(() => fails("child"));
    await rejection(forever());
    log.push(cancelling());
    assert.throws(() => group.createTask(forever), /shutting down/);
    await sleep(1);
    log.push("ran on");
  });
  await assertGroup(promise, ["child"]);
  log.push(cancelling());
  assert.deepEqual(log, [1, "ran on", 0]);
});

runs(
  "TG-30: parent cancelled while it waits, child swallows: CancelledError leaves all the same",
  async () => {
    const parent = createTask(() =>
      new TaskGroup().with((group) => {
        group.createTask(async () => {
          await rejection(forever());
          return "swallowed";
        });
      })
    );
    await sleep(1);
    parent.cancel();
    await assertCancelled(parent);
    assert.equal(parent.cancelling(), 1);
  },
);

runs("TG-31: a group inside a timeout: TimeoutError alone, the children cancelled", async () => {
  let child!: Task<void>;
  const promise = timeout(1).with(() =>
    new TaskGroup().with(async (group) => {
      child = group.createTask(forever);
      await forever();
    })
  );
  assert.ok(await rejection(promise) instanceof TimeoutError);
  assert.equal(child.cancelled(), true);
  assert.equal(cancelling(), 0);
});

runs("TG-31: also while the group only waits", async () => {
  let child!: Task<void>;
  const promise = timeout(1).with(() =>
    new TaskGroup().with((group) => {
      child = group.createTask(forever);
    })
  );
  assert.ok(await rejection(promise) instanceof TimeoutError);
  assert.equal(child.cancelled(), true);
});

runs("TG-31: a timeout inside the body: ExceptionGroup of the TimeoutError", async () => {
  let child!: Task<void>;
  const promise = new TaskGroup().with(async (group) => {
    child = group.createTask(forever);
    await timeout(1).with(forever);
  });
  const error = await rejection(promise);
  assert.ok(error instanceof ExceptionGroup);
  assert.equal(error.errors.length, 1);
  assert.ok(error.errors[0] instanceof TimeoutError);
  assert.equal(child.cancelled(), true);
});

runs("TG-32: it prints its tasks and errors and whether it is entered or cancelling", async () => {
  const group = new TaskGroup();
  const seen = [String(group)];
  await rejection(group.with(async () => {
    seen.push(String(group));
    group.createTask(() => fails("child"));
    group.createTask(() => slowToUnwind(1));
    seen.push(String(group));
    await rejection(forever());
    seen.push(String(group));
  }));
  assert.deepEqual(seen, [
    "<TaskGroup>",
    "<TaskGroup entered>",
    "<TaskGroup tasks=2 entered>",
    "<TaskGroup tasks=1 errors=1 cancelling>",
  ]);
});

runs(
  "GCANCEL-01: cancel() ends body and children, and the group is left without an error",
  async (loop) => {
    const log: string[] = [];
    const children: Task<void>[] = [];
    const result = await new TaskGroup().with(async (group) => {
      children.push(group.createTask(forever), group.createTask(() => slowToUnwind(2, log)));
      loop.callLater(1, () => group.cancel());
      await forever();
      return "not reached";
    });
    assert.equal(result, undefined);
    assert.deepEqual(children.map(outcome), ["cancelled", "cancelled"]);
    assert.deepEqual(log, ["unwound"]);
    assert.equal(loop.time(), 3);
    assert.equal(cancelling(), 0);
    await sleep(1);
  },
);

runs("GCANCEL-01: cancel() after the body has returned keeps its value", async (loop) => {
  const result = await new TaskGroup().with((group) => {
    group.createTask(forever);
    loop.callLater(1, () => group.cancel());
    return "value";
  });
  assert.equal(result, "value");
});

runs("GCANCEL-01: a failure during the unwinding after cancel() still leaves", async () => {
  const promise = new TaskGroup().with(async (group) => {
    group.createTask(() => crashesWhenCancelled("crash"));
    await sleep(1);
    group.cancel();
  });
  await assertGroup(promise, ["crash"]);
});

runs("GCANCEL-01: cancel() before the entry cancels the group upon its entry", async (loop) => {
  const group = new TaskGroup();
  group.cancel();
  let started = false;
  const result = await group.with(async (group) => {
    started = true;
    assert.throws(() => group.createTask(forever), RuntimeError);
    await forever();
    return "not reached";
  });
  assert.equal(started, true);
  assert.equal(result, undefined);
  assert.equal(cancelling(), 0);
  await sleep(1);
  assert.equal(loop.time(), 1);
});

runs(
  "GCANCEL-01: cancel() before the entry lets a body without a wait give its value",
  async () => {
    const group = new TaskGroup();
    group.cancel();
    assert.equal(await group.with(() => "value"), "value");
  },
);

runs("GCANCEL-01: cancel() after the end does nothing", async () => {
  const group = new TaskGroup();
  assert.equal(await group.with(() => sleep(1, "value")), "value");
  group.cancel();
  await sleep(1);
});

runs(
  "GCANCEL-01: an eager task that cancels the group in its first step is cancelled",
  async () => {
    let task: Task<void> | null = null;
    await new TaskGroup().with((group) => {
      task = group.createTask(async () => {
        group.cancel();
        await forever();
      }, { eagerStart: true });
    });
    assert.equal(outcome(task!), "cancelled");
  },
);

runs("GCANCEL-01: cancel() together with one from outside: CancelledError leaves", async () => {
  const parent = createTask(() =>
    new TaskGroup().with(async (group) => {
      group.createTask(forever);
      currentTask()!.cancel("outside");
      group.cancel();
      await forever();
    })
  );
  await assertCancelled(parent);
});

runs("GCANCEL-01: both requests are one CancelledError", async (loop) => {
  const parent = createTask(async () => {
    await rejection(
      new TaskGroup().with(async (group) => {
        group.createTask(forever);
        currentTask()!.cancel("outside");
        group.cancel();
        await forever();
      }),
    );
    await sleep(5);
    return "swallowed";
  });
  assert.equal(await parent, "swallowed");
  assert.equal(parent.cancelling(), 1);
  assert.equal(loop.time(), 5);
});

runs("GCANCEL-01: a cancel from outside while the group already ends leaves it", async () => {
  const parent = createTask(() =>
    new TaskGroup().with(async (group) => {
      group.createTask(() => slowToUnwind(5));
      await ticks();
      group.cancel();
      return "value";
    })
  );
  await sleep(1);
  parent.cancel("outside");
  await assertCancelled(parent, "outside");
});

runs("TG-05: after its end nothing of a group is left", async (loop) => {
  const parent = createTask(() =>
    new TaskGroup().with((group) => {
      for (let i = 0; i < 10; i++) group.createTask(forever);
    })
  );
  await ticks(2);
  parent.cancel();
  await assertCancelled(parent);
  assert.equal(hasTimers(loop), false);
});
