import { describe, expect, it } from "vitest";

import type { Explored } from "../model/explore.ts";
import type { Guarantee } from "../model/guarantees.ts";
import { soundStore } from "../model/store.ts";
import { examine, outline } from "./examine.ts";
import { freshKeyPerTry, freshNamelessKeyPerTry, keysThatNameNothing, onlyTheCurrentKey } from "./faulty-clients.ts";
import {
  anyKeyProves,
  anyRememberedKey,
  anySentKey,
  newestKeyAlone,
  parentAccepted,
  strictRotation,
  unboundSuccessor,
  windowBesideKeys,
  windowOf,
} from "./faulty-rules.ts";

const TIMES = { retryWindow: 1, idle: 100, absolute: 100 };

function expectGuilty(explored: Explored, guarantee: Guarantee, history: readonly string[]): void {
  expect(explored.violation?.guarantee).toBe(guarantee);
  expect(outline(explored.counterExample)).toEqual(history);
}

describe("rules of other systems", () => {
  it("strict rotation signs out whoever asks again", () => {
    expectGuilty(examine({ sends: 3 }, { judge: strictRotation }), "G1", [
      "send 0",
      "send 0",
      "honest 0: rotate",
      "write 1",
      "honest 0: reuse",
    ]);
  });

  it("a 30 s window lets a copy in while it is open", () => {
    expectGuilty(examine({ sends: 3, thiefSends: 2 }, { judge: windowOf(30) }), "G2", [
      "copy 0",
      "send 0",
      "honest 0: rotate",
      "write 1",
      "thief 0: retry",
    ]);
  });

  it("a window signs out whoever asks again after it", () => {
    expectGuilty(examine({ sends: 3, ticks: 3 }, { judge: windowOf(2), times: TIMES }), "G1", [
      "send 0",
      "send 0",
      "honest 0: rotate",
      "write 1",
      "tick",
      "tick",
      "tick",
      "honest 0: reuse",
    ]);
  });

  it("a window is no better for a plain client than the configured one: a longer one lets a copy in", () => {
    const explored = examine(
      { sends: 2, thiefSends: 2, ticks: 3 },
      { strength: "time alone", judge: windowOf(3), times: TIMES },
    );
    expectGuilty(explored, "G2", ["send 0", "honest 0: rotate", "copy 0", "write 1", "tick", "tick", "thief 0: retry"]);
  });

  it("accepting the parent of the live token lets two holders coexist", () => {
    expectGuilty(examine({ sends: 3, thiefSends: 2 }, { judge: parentAccepted }), "G2", [
      "copy 0",
      "send 0",
      "honest 0: rotate",
      "write 1",
      "thief 0: retry",
    ]);
  });
});

describe("Latchkey's rule with one part taken out", () => {
  it("a successor that does not depend on the attempt key hides a thief's branch that a crash forgot", () => {
    expectGuilty(examine({ sends: 2, thiefSends: 2, crashes: 1 }, { judge: unboundSuccessor }), "G2", [
      "copy 0",
      "send 0",
      "honest 0: rotate",
      "thief 0: rotate",
      "write 1",
      "crash to 0",
      "write 1",
      "thief 1: rotate",
      "write 2",
    ]);
  });

  it("…and only a crash shows it", () => {
    expect(examine({ sends: 2, thiefSends: 2 }, { judge: unboundSuccessor }).outcome).toBe("holds");
  });

  it("any sent key counting for a retry lets a thief in who exchanges the token with an old one", () => {
    const explored = examine({ sends: 2, thiefSends: 2 }, { judge: anySentKey });
    expectGuilty(explored, "G2", [
      "send 0",
      "honest 0: rotate",
      "write 1",
      "answer 1",
      "copy 1",
      "send 1",
      "thief 1: rotate",
      "write 2",
      "honest 1: retry",
    ]);
    const thief = explored.counterExample.find(
      ({ action }) => action.kind === "judge" && action.asked.holder === "thief",
    );
    expect(thief?.action).toMatchObject({ asked: { keys: ["gen-0-k0"] } });
  });

  it("the window counting for a request with keys lets a thief in who was first, without keys", () => {
    expectGuilty(examine({ sends: 2, thiefSends: 2 }, { judge: windowBesideKeys }), "G2", [
      "copy 0",
      "send 0",
      "thief 0: rotate",
      "write 1",
      "honest 0: retry",
    ]);
  });

  it("a second key that is not heard leaves the client waiting for ever", () => {
    expectGuilty(examine({ sends: 4, thiefSends: 2 }, { judge: anyRememberedKey }), "G2", [
      "send 0",
      "copy 0",
      "thief 0: rotate",
      "write 1",
      "honest 0: superseded",
      "wait",
      "send 0",
      "honest 0: superseded",
      "insist",
      "send 0",
      "thief 1: rotate",
      "write 2",
      "honest 0: superseded",
    ]);
  });

  it("a proof by any key lets a thief use a copy of a bound session", () => {
    const explored = examine({ sends: 1, thiefSends: 1 }, { strength: "proof of possession", judge: anyKeyProves });
    expectGuilty(explored, "G2", ["copy 0", "thief 0: rotate"]);
  });
});

describe("clients that do less", () => {
  it("one attempt key instead of the last few: a jar that a late answer set back is taken for theft", () => {
    expectGuilty(examine({ sends: 5 }, { keeper: onlyTheCurrentKey }), "G1", [
      "send 0",
      "send 0",
      "honest 0: rotate",
      "write 1",
      "answer 1",
      "send 1",
      "honest 0: retry",
      "honest 1: rotate",
      "write 2",
      "answer 2",
      "send 2",
      "answer 1",
      "send 1",
      "honest 1: reuse",
    ]);
  });

  it("a fresh key for every try, where only the newest is remembered: a late duplicate is taken for theft", () => {
    const explored = examine(
      { sends: 3 },
      { keeper: freshKeyPerTry, judge: newestKeyAlone, lateAnswers: "are dropped" },
    );
    expectGuilty(explored, "G1", ["send 0", "send 0", "honest 0: rotate", "write 1", "honest 0: reuse"]);
  });

  it("fresh keys and tries that overlap: after a crash the client's own branches are taken for two holders", () => {
    expectGuilty(examine({ sends: 4, crashes: 1 }, { keeper: freshNamelessKeyPerTry }), "G1", [
      "send 0",
      "send 0",
      "honest 0: rotate",
      "honest 0: rotate",
      "write 1",
      "answer 1",
      "send 1",
      "crash to 0",
      "write 1",
      "honest 1: reuse",
    ]);
  });

  it("…and only a crash shows it", () => {
    expect(examine({ sends: 4 }, { keeper: freshNamelessKeyPerTry }).outcome).toBe("holds");
  });

  it("fresh keys that name their generation: a late duplicate is heard as a complaint", () => {
    expectGuilty(examine({ sends: 4 }, { keeper: freshKeyPerTry }), "G1", [
      "send 0",
      "send 0",
      "honest 0: rotate",
      "write 1",
      "answer 1",
      "send 1",
      "honest 1: rotate",
      "write 2",
      "honest 0: reuse",
    ]);
  });

  it("a client that waits for ever leaves its session to whoever copied its jar in mid-attempt", () => {
    expectGuilty(examine({ sends: 3, thiefSends: 2 }, { patience: "never ends" }), "G2", [
      "send 0",
      "copy 0",
      "thief 0: rotate",
      "write 1",
      "thief 1: rotate",
      "write 2",
      "honest 0: superseded",
    ]);
  });

  it("keys that name no generation: a crash while a late answer has set the jar back mixes up whose they are", () => {
    const explored = examine({ sends: 6, crashes: 1 }, { keeper: keysThatNameNothing });
    expect(explored.violation?.guarantee).toBe("G1");
    expect(outline(explored.counterExample).slice(-6)).toEqual([
      "answer 1",
      "send 1",
      "crash to 0",
      "honest 1: rotate",
      "write 2",
      "honest 0: reuse",
    ]);
  });

  it("keys that name no generation: after a crash a thief goes on with an old one, and the client with it", () => {
    expectGuilty(examine({ sends: 2, thiefSends: 2, crashes: 1 }, { keeper: keysThatNameNothing }), "G2", [
      "send 0",
      "honest 0: rotate",
      "write 1",
      "answer 1",
      "crash to 0",
      "copy 1",
      "send 1",
      "thief 1: rotate",
      "write 2",
      "honest 1: retry",
    ]);
  });

  it("a token sent with the keys chosen for its predecessor is taken for theft", () => {
    expectGuilty(examine({ sends: 3, tornSends: 1 }), "G1", [
      "send 0",
      "honest 0: rotate",
      "write 1",
      "answer 1",
      "torn send 1",
      "send 1",
      "honest 1: rotate",
      "write 2",
      "honest 1: reuse",
    ]);
  });

  it("a jar that forgets its last writes, keys and all, is taken for theft", () => {
    expectGuilty(examine({ sends: 3, jarCrashes: 1 }), "G1", [
      "send 0",
      "jar back to 0",
      "send 0",
      "honest 0: rotate",
      "write 1",
      "honest 0: reuse",
    ]);
  });
});

describe("stores that promise less", () => {
  it("a revocation that is not on disk is undone by a crash", () => {
    const store = { ...soundStore, revocation: "relaxed" } as const;
    expectGuilty(examine({ sends: 2, crashes: 1, signOuts: 1 }, { store }), "G3", ["sign out", "crash to 0"]);
  });

  it("a compare-and-set that does not look for the revocation answers after it", () => {
    const compareAndSet: typeof soundStore.compareAndSet = (state, rotation) => {
      const written = soundStore.compareAndSet({ ...state, revokedAt: null }, rotation);
      return written === undefined ? undefined : { ...written, revokedAt: state.revokedAt };
    };
    expectGuilty(examine({ sends: 2, signOuts: 1 }, { store: { ...soundStore, compareAndSet } }), "G3", [
      "send 0",
      "honest 0: rotate",
      "sign out",
      "write 1",
    ]);
  });

  it("a write that compares nothing serves two holders at once", () => {
    const compareAndSet: typeof soundStore.compareAndSet = (state, { next }) =>
      state.revokedAt === null ? { ...state, ...next } : undefined;
    expectGuilty(examine({ sends: 3, thiefSends: 2 }, { store: { ...soundStore, compareAndSet } }), "G2", [
      "copy 0",
      "send 0",
      "honest 0: rotate",
      "thief 0: rotate",
      "write 1",
      "write 1",
    ]);
  });

  it("a compare-and-set that looks at the generation alone mixes up two branches after a crash", () => {
    const compareAndSet: typeof soundStore.compareAndSet = (state, { expected, next }) =>
      state.revokedAt === null && state.generation === expected.generation ? { ...state, ...next } : undefined;
    const explored = examine({ sends: 2, thiefSends: 3, crashes: 1 }, { store: { ...soundStore, compareAndSet } });
    expectGuilty(explored, "G2", [
      "copy 0",
      "send 0",
      "honest 0: rotate",
      "thief 0: rotate",
      "write 1",
      "thief 1: rotate",
      "crash to 0",
      "write 1",
      "write 2",
    ]);
  });
});
