import { describe, expect, it } from "vitest";

import { createMemoryReplayStore } from "../src/replay-store.ts";
import { createManualClock } from "./manual-clock.ts";

describe("the store of used proofs in memory", () => {
  it("answers yes once, until the time is over, and then has forgotten", () => {
    const clock = createManualClock();
    const store = createMemoryReplayStore(clock, 3);
    const use = (hash: string) => store.consume({ hash, expiresAt: clock() + 60, lifetimeSeconds: 60 });
    expect([use("a"), use("a")]).toEqual([true, false]);
    clock.advance(60);
    expect([use("a"), use("b")]).toEqual([false, true]);
    clock.advance(1);
    expect([use("c"), use("a")]).toEqual([true, true]);
  });

  it("G-01: takes no more where it is full, rather than forget one that could be used again", () => {
    const clock = createManualClock();
    const store = createMemoryReplayStore(clock, 2);
    const use = (hash: string) => store.consume({ hash, expiresAt: clock() + 60, lifetimeSeconds: 60 });
    expect([use("a"), use("b")]).toEqual([true, true]);
    expect(() => use("c")).toThrow("no more");
    expect([use("a"), use("b")]).toEqual([false, false]);
    clock.advance(61);
    expect([use("c"), use("a")]).toEqual([true, true]);
  });
});
