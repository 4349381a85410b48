import { describe, expect, it } from "vitest";

import type { Bounds } from "../model/bounds.ts";
import type { Strength } from "../model/protocol.ts";
import { formatTrace } from "../model/trace.ts";
import { examine } from "./examine.ts";
import { strictRotation } from "./faulty-rules.ts";

const TIMES = { retryWindow: 1, idle: 3, absolute: 5 };

describe("the rule as it stands", () => {
  it.each<[string, Strength, Partial<Bounds>]>([
    ["signs nobody out, whatever is lost, late or repeated", "attempt keys", { sends: 7 }],
    ["signs nobody out over two crashes", "attempt keys", { sends: 5, crashes: 2 }],
    ["catches a copy", "attempt keys", { sends: 3, thiefSends: 2 }],
    ["catches a copy over a crash", "attempt keys", { sends: 2, thiefSends: 2, crashes: 1, signOuts: 1 }],
    ["lets a bound session catch up from an older jar", "proof of possession", { sends: 4, crashes: 1, jarCrashes: 1 }],
    ["makes a copy of a bound session useless", "proof of possession", { sends: 3, thiefSends: 2, crashes: 1 }],
    ["keeps what it promises of the window", "time alone", { sends: 2, thiefSends: 2, ticks: 3 }],
  ])("%s", (_name, strength, bounds) => {
    const explored = examine(bounds, { strength, times: TIMES });
    expect(formatTrace(explored.counterExample)).not.toContain("broken");
    expect(explored.outcome).toBe("holds");
    expect(explored.states).toBeGreaterThan(1_000);
  });

  it("reaches the stated limits, and no others, with one late answer too many", () => {
    const { limits } = examine({ sends: 6 });
    expect([...limits.keys()]).toEqual([
      "late answers set the jar back by more than one rotation: told to wait, or signed out",
    ]);
  });
});

describe("the exploration", () => {
  it("visits as many states, by as many steps, every time", () => {
    const [first, second] = [examine({ sends: 4, crashes: 1 }), examine({ sends: 4, crashes: 1 })];
    expect([first.states, first.transitions, first.depth]).toEqual([second.states, second.transitions, second.depth]);
  });

  it("counts each state once", () => {
    // Signed in, sent, judged, written, answered.
    expect(examine({ sends: 1 })).toMatchObject({ states: 5, transitions: 4, depth: 5 });
  });

  it("says so when it gives up", () => {
    let ms = 0;
    const explored = examine({ sends: 6, crashes: 2 }, {}, () => (ms += 60_000));
    expect(explored.outcome).toBe("gave up");
  });

  it("tells a counter-example in numbered lines that a newcomer can follow", () => {
    const { counterExample } = examine({ sends: 2 }, { judge: strictRotation });
    expect(formatTrace(counterExample)).toMatchInlineSnapshot(`
      "  At first the client holds token 0, and the row is at generation 0.
        1. The client sends token 0 (s0) with keys [gen-0-k0].
           row 0 · jar 0 · under way: 1 requests, 0 answers
        2. The client sends token 0 (s0) with keys [gen-0-k0].
           row 0 · jar 0 · under way: 2 requests, 0 answers
        3. The server reads the row for the client's token 0 (s0) with keys [gen-0-k0]: rotate.
           row 0 · jar 0 · under way: 1 requests, 0 answers
        4. The server writes generation 1 for the client's request, and answers token 1 (s1.0).
           row 1 · jar 0 · under way: 1 requests, 1 answers
        5. The server reads the row for the client's token 0 (s0) with keys [gen-0-k0]: reuse.
           row 1 · jar 0 · under way: 0 requests, 1 answers
        G1 is broken: The honest client is taken for a thief, and there is none."
    `);
  });
});
