import { expect, test } from "vitest";

import { createTabLock } from "../../src/browser/tab-lock.ts";

const after = (delayMs: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
};

test("works one after the other", async () => {
  const run = createTabLock("one after the other", navigator.locks, after);
  const log: string[] = [];
  const work = (name: string) => async (): Promise<string> => {
    log.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    log.push(`${name} ends`);
    return name;
  };
  expect(await Promise.all([run(work("a"), 5_000), run(work("b"), 5_000)])).toEqual(["a", "b"]);
  expect(log).toEqual(["a begins", "a ends", "b begins", "b ends"]);
});

test("goes on without the lock when the tab that holds it is frozen", async () => {
  const { promise: thawed, resolve: thaw } = Promise.withResolvers<void>();
  const holding = navigator.locks.request("frozen", () => thawed);
  const run = createTabLock("frozen", navigator.locks, after);
  expect(await run(async () => "done", 20)).toBe("done");
  thaw();
  await holding;
});

test("runs work once, and hands on its failure", async () => {
  let runs = 0;
  const work = async (): Promise<never> => {
    runs += 1;
    throw new RangeError("its own");
  };
  await expect(createTabLock("failing", navigator.locks, after)(work, 1_000)).rejects.toThrow(RangeError);
  await expect(createTabLock("failing", undefined, after)(work, 1_000)).rejects.toThrow("its own");
  expect(runs).toBe(2);
});
