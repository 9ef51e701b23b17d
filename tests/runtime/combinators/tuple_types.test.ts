/** Types that the compiler must find by itself: this file does not compile without them. */
import assert from "node:assert/strict";
import { asCompleted, gather, sleep, TaskGroup } from "../../../mod.ts";
import { runs } from "../../_support/tasks.ts";

runs("TYPES-01: TaskGroup.with() keeps the tuple that its body returns", async () => {
  const [text, number] = await new TaskGroup().with(async (group) => [
    group.createTask(() => sleep(0, "a")),
    group.createTask(() => sleep(0, 1)),
  ]);
  const results: [string, number] = [text.result(), number.result()];
  assert.deepEqual(results, ["a", 1]);
  const none: void = await new TaskGroup().with(() => {});
  assert.equal(none, undefined);
  const same = <T>(value: T): Promise<T> => new TaskGroup().with(() => Promise.resolve(value));
  const list: string[] = await same(["x"]);
  assert.deepEqual(list, ["x"]);
});

runs("TYPES-02: gather() keeps tuples, written out or given as one", async () => {
  const works: [() => Promise<string>, () => Promise<number>] = [
    () => sleep(0, "a"),
    () => sleep(0, 1),
  ];
  const [text, number] = await gather(works);
  const results: [string, number] = [text, number];
  assert.deepEqual(results, ["a", 1]);
  const tasks = await new TaskGroup().with(async (group) => [
    group.createTask(works[0]),
    group.createTask(works[1]),
  ]);
  const [again, once]: [string, number] = await gather(tasks);
  assert.deepEqual([again, once], ["a", 1]);
});

runs("TYPES-03: asCompleted() takes awaitables of several types", async () => {
  const values: (string | number)[] = [];
  for (const next of asCompleted([() => sleep(1, "a"), () => sleep(2, 1), sleep(3, "b")])) {
    const value: string | number = await next;
    values.push(value);
  }
  for await (const item of asCompleted([() => sleep(1, "c"), () => sleep(2, 2)])) {
    const value: string | number = item.result();
    values.push(value);
  }
  assert.deepEqual(values, ["a", 1, "b", "c", 2]);
});
