import { createHash, createHmac } from "node:crypto";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { NextGeneration, PresentedRefresh, SecretScheme } from "../../src/domain/refresh-rule.ts";
import { judgeRefresh } from "../../src/domain/refresh-rule.ts";
import type { RefreshState } from "../../src/domain/session.ts";

const scheme: SecretScheme = {
  hash: (secret) => createHash("sha256").update(secret).digest("hex"),
  hashAttempt: (key) => createHash("sha1").update(key).digest("hex"),
  derive: (predecessor, next) =>
    createHmac("sha256", "rotation key")
      .update(JSON.stringify([predecessor.secret, next]))
      .digest("hex"),
};

const NOW = 1_000_000;
const KEYS = ["attempt-key-000", "attempt-key-111", "attempt-key-222", "attempt-key-333"] as const;

/** A session and every secret it ever had, moved on by the rule itself. */
function history() {
  const secrets = ["secret-0"];
  let session: RefreshState = {
    id: "session-1",
    clientId: "app",
    generation: 0,
    secretHash: scheme.hash("secret-0"),
    attempts: [],
    attemptKeysUsed: false,
    jkt: null,
    rotatedAt: NOW,
    idleExpiresAt: NOW + 1_000,
    expiresAt: NOW + 5_000,
    revokedAt: null,
  };
  const present = (generation: number, overrides: Partial<PresentedRefresh> = {}): PresentedRefresh => ({
    sessionId: session.id,
    clientIds: ["app"],
    generation,
    secret: secrets[generation] ?? "",
    expiresAt: NOW + 1_000,
    attemptKeys: [],
    provenJkt: null,
    ...overrides,
  });
  const judge = (presented: PresentedRefresh, now = NOW) =>
    judgeRefresh(session, presented, { scheme, now, retryWindowSeconds: 10 });
  return {
    present,
    judge,
    secrets,
    get session() {
      return session;
    },
    set(change: Partial<RefreshState>) {
      session = { ...session, ...change };
    },
    accept(next: NextGeneration, now = NOW) {
      secrets[next.generation] = next.secret;
      session = {
        ...session,
        ...next,
        secretHash: scheme.hash(next.secret),
        rotatedAt: now,
        idleExpiresAt: now + 1_000,
      };
    },
    rotate(keys: readonly string[], overrides: Partial<PresentedRefresh> = {}) {
      const verdict = judge(present(session.generation, { attemptKeys: keys, ...overrides }));
      if (verdict.kind !== "rotate") throw new Error(`expected a rotation, got ${verdict.kind}`);
      this.accept(verdict.next);
    },
  };
}

describe("a session that cannot be refreshed", () => {
  it.each([
    ["revoked", { revokedAt: NOW - 1 }, {}],
    ["expired", { idleExpiresAt: NOW }, {}],
    ["expired", { expiresAt: NOW }, {}],
    ["wrong_client", {}, { clientIds: ["other"] }],
    ["wrong_key", { jkt: "key-a" }, {}],
    ["wrong_key", { jkt: "key-a" }, { provenJkt: "key-b" }],
  ] as const)("is refused: %s", (cause, change, presented) => {
    const h = history();
    h.set(change);
    expect(h.judge(h.present(0, presented))).toEqual({ kind: "refuse", cause });
  });

  it("is refused where it does not exist", () => {
    const h = history();
    expect(judgeRefresh(undefined, h.present(0), { scheme, now: NOW, retryWindowSeconds: 10 })).toEqual({
      kind: "refuse",
      cause: "unknown",
    });
  });
});

describe("the live token", () => {
  it("rotates, and its successor is bound to the newest attempt key", () => {
    const h = history();
    const [a, b] = [KEYS[0], KEYS[1]].map((key) => h.judge(h.present(0, { attemptKeys: [key] })));
    if (a?.kind !== "rotate" || b?.kind !== "rotate") throw new Error("expected two rotations");
    expect(a.next.generation).toBe(1);
    expect(a.next.secret).not.toBe(b.next.secret);
  });

  it("with another secret is reuse: two holders went on from one forgotten generation", () => {
    const h = history();
    expect(h.judge(h.present(0, { secret: "another branch" })).kind).toBe("reuse");
  });
});

describe("the predecessor of the live token", () => {
  it("with the attempt key it was exchanged with gives the live secret again, at any later time", () => {
    const h = history();
    h.rotate([KEYS[0]]);
    const verdict = h.judge(h.present(0, { attemptKeys: [KEYS[1], KEYS[0]] }), NOW + 999);
    expect(verdict).toEqual({ kind: "retry", secret: h.secrets[1] });
  });

  it("with another attempt key is reuse", () => {
    const h = history();
    h.rotate([KEYS[0]]);
    expect(h.judge(h.present(0, { attemptKeys: [KEYS[1]] })).kind).toBe("reuse");
  });

  it("with no attempt key is a retry inside the window and reuse outside, for a session that never used keys", () => {
    const h = history();
    h.rotate([]);
    expect(h.judge(h.present(0), NOW + 10)).toEqual({ kind: "retry", secret: h.secrets[1] });
    expect(h.judge(h.present(0), NOW + 11).kind).toBe("reuse");
  });

  it("with no attempt key is reuse even inside the window, once the session has used keys", () => {
    const h = history();
    h.rotate([KEYS[0]]);
    h.rotate([]);
    expect(h.judge(h.present(1)).kind).toBe("reuse");
  });
});

describe("an older token", () => {
  it("with the attempt key remembered for its generation is superseded: a late duplicate", () => {
    const h = history();
    h.rotate([KEYS[0]]);
    h.rotate([KEYS[1], KEYS[0]]);
    h.rotate([KEYS[2], KEYS[1], KEYS[0]]);
    expect(h.judge(h.present(0, { attemptKeys: [KEYS[0]] })).kind).toBe("superseded");
    expect(h.judge(h.present(1, { attemptKeys: [KEYS[1], KEYS[0]] })).kind).toBe("superseded");
  });

  it("with a second key that names its generation is reuse: its client was told to wait, and nothing came", () => {
    const h = history();
    const [first, second] = ["gen-0-aaaaaaaaaaaa", "gen-0-bbbbbbbbbbbb"];
    h.rotate([first]);
    expect(h.judge(h.present(0, { attemptKeys: [second, first] })).kind).toBe("retry");
    h.rotate(["gen-1-cccccccccccc"]);
    expect(h.judge(h.present(0, { attemptKeys: [first] })).kind).toBe("superseded");
    expect(h.judge(h.present(0, { attemptKeys: [second, first] })).kind).toBe("reuse");
  });

  it("with a second key that the exchange came with is superseded", () => {
    const h = history();
    h.rotate(["gen-0-bbbbbbbbbbbb", "gen-0-aaaaaaaaaaaa"]);
    h.rotate(["gen-1-cccccccccccc"]);
    for (const key of ["gen-0-aaaaaaaaaaaa", "gen-0-bbbbbbbbbbbb"]) {
      expect(h.judge(h.present(0, { attemptKeys: [key] })).kind).toBe("superseded");
    }
  });

  it("with a key that is remembered for another generation alone is reuse", () => {
    const h = history();
    h.rotate([KEYS[0]]);
    h.rotate([KEYS[1], KEYS[0]]);
    h.rotate([KEYS[2]]);
    expect(h.judge(h.present(1, { attemptKeys: [KEYS[0]] })).kind).toBe("reuse");
  });

  it("is superseded for each key that came with its exchange, not the newest alone", () => {
    const h = history();
    h.rotate([KEYS[1], KEYS[0]]);
    h.rotate([KEYS[2]]);
    expect(h.judge(h.present(0, { attemptKeys: [KEYS[0]] })).kind).toBe("superseded");
  });

  it("is forgotten after eight generations, and then is reuse", () => {
    const h = history();
    const key = (n: number): string => `attempt-key-for-${n}`;
    for (let n = 0; n < 8; n++) h.rotate([key(n)]);
    expect(h.judge(h.present(0, { attemptKeys: [key(0)] })).kind).toBe("superseded");
    h.rotate([key(8)]);
    expect(h.judge(h.present(0, { attemptKeys: [key(0)] })).kind).toBe("reuse");
  });

  it("of a bound session catches up to the live token from any generation, by its proof alone", () => {
    const h = history();
    h.set({ jkt: "key-a" });
    for (let n = 0; n < 12; n++) h.rotate([], { provenJkt: "key-a" });
    expect(h.judge(h.present(3, { provenJkt: "key-a" }))).toEqual({ kind: "retry", secret: h.secrets[12] });
  });

  it("OP-04: of a bound session costs no more for a session that was rotated for as long as anybody likes", () => {
    const h = history();
    h.set({ jkt: "key-a", generation: 100_000, secretHash: scheme.hash("live") });
    let derived = 0;
    const counting: SecretScheme = {
      ...scheme,
      derive(predecessor, next) {
        derived += 1;
        return scheme.derive(predecessor, next);
      },
    };
    const presented = h.present(0, { provenJkt: "key-a" });
    const verdict = judgeRefresh(h.session, presented, { scheme: counting, now: NOW, retryWindowSeconds: 10 });
    expect(verdict).toEqual({ kind: "reuse" });
    expect(derived).toBeLessThanOrEqual(2_000);
  });

  it("of a bound session, from a forgotten branch, is reuse", () => {
    const h = history();
    h.set({ jkt: "key-a" });
    h.rotate([], { provenJkt: "key-a" });
    h.rotate([], { provenJkt: "key-a" });
    expect(h.judge(h.present(1, { provenJkt: "key-a", secret: "another branch" })).kind).toBe("reuse");
  });
});

describe("a token ahead of the row: the store lost its last writes", () => {
  it("rolls forward, and remembers which keys exchanged the lost generations", () => {
    const h = history();
    const lost = h.session;
    h.rotate([KEYS[0]]);
    h.rotate([KEYS[1], KEYS[0]]);
    h.set(lost);
    const verdict = h.judge(h.present(2, { attemptKeys: [KEYS[2], KEYS[1], KEYS[0]] }));
    if (verdict.kind !== "rotate") throw new Error(`expected a rotation, got ${verdict.kind}`);
    expect(verdict.rolledForward).toBe(true);
    expect(verdict.next.generation).toBe(3);
    h.accept(verdict.next);
    expect(h.judge(h.present(2, { attemptKeys: [KEYS[2]] })).kind).toBe("retry");
    expect(h.judge(h.present(1, { attemptKeys: [KEYS[1]] })).kind).toBe("superseded");
    expect(h.judge(h.present(0, { attemptKeys: [KEYS[0]] })).kind).toBe("superseded");
  });

  it("keeps the idle limit that the lost row had, which the token still tells", () => {
    const h = history();
    const lost = h.session;
    h.rotate([KEYS[0]]);
    h.set({ ...lost, idleExpiresAt: NOW - 5 });
    expect(h.judge(h.present(1, { expiresAt: NOW + 1 })).kind).toBe("rotate");
    h.set({ expiresAt: NOW });
    expect(h.judge(h.present(1, { expiresAt: NOW + 1 }))).toEqual({ kind: "refuse", cause: "expired" });
  });
});

describe("an old attempt key, which every copy of the store holds", () => {
  it("exchanges nothing: a thief who uses it gets no token, and the client goes on", () => {
    const h = history();
    h.rotate([KEYS[0]]);
    h.rotate([KEYS[1], KEYS[0]]);
    expect(h.judge(h.present(2, { attemptKeys: [KEYS[1], KEYS[0]] })).kind).toBe("superseded");
    expect(h.judge(h.present(2, { attemptKeys: [KEYS[0]] })).kind).toBe("superseded");
    h.rotate([KEYS[2], KEYS[1], KEYS[0]]);
  });

  it("that names its generation exchanges nothing else, even where a crash forgot what it was used for", () => {
    const h = history();
    const lost = h.session;
    h.rotate(["gen-0-aaaaaaaaaaaa"]);
    h.set(lost);
    expect(h.judge(h.present(1, { attemptKeys: ["gen-0-aaaaaaaaaaaa"] })).kind).toBe("superseded");
    const verdict = h.judge(h.present(1, { attemptKeys: ["gen-1-bbbbbbbbbbbb", "gen-0-aaaaaaaaaaaa"] }));
    if (verdict.kind !== "rotate") throw new Error(`expected a rotation, got ${verdict.kind}`);
    h.accept(verdict.next);
    expect(h.judge(h.present(1, { attemptKeys: ["gen-0-aaaaaaaaaaaa"] })).kind).toBe("reuse");
    expect(h.judge(h.present(0, { attemptKeys: ["gen-0-aaaaaaaaaaaa"] })).kind).toBe("superseded");
  });

  it("makes no retry of a newer exchange", () => {
    const h = history();
    h.rotate([KEYS[0]]);
    h.rotate([KEYS[1]]);
    expect(h.judge(h.present(1, { attemptKeys: [KEYS[2], KEYS[0]] })).kind).toBe("reuse");
  });

  it("time alone never makes a retry of a request that carries keys", () => {
    const h = history();
    h.rotate([]);
    expect(h.judge(h.present(0, { attemptKeys: [KEYS[0]] })).kind).toBe("reuse");
  });
});

describe("once the key that successors were derived with has been revoked", () => {
  /** Other secrets come of the same predecessors from here on. */
  const other: SecretScheme = {
    ...scheme,
    derive: (predecessor, next) => scheme.derive({ secret: `another key's ${predecessor.secret}` }, next),
  };
  const judge = (h: ReturnType<typeof history>, presented: PresentedRefresh, changes = {}) =>
    judgeRefresh(h.session, presented, {
      scheme: other,
      now: NOW,
      retryWindowSeconds: 10,
      underivableUntil: NOW,
      ...changes,
    });
  const KEY_REVOKED = { kind: "refuse", cause: "key_revoked" };

  it("what would have been a retry is refused for that: by its key, by time alone, or by proof", () => {
    const keyed = history();
    keyed.rotate([KEYS[0]]);
    expect(judge(keyed, keyed.present(0, { attemptKeys: [KEYS[0]] }))).toEqual(KEY_REVOKED);
    const keyless = history();
    keyless.rotate([]);
    expect(judge(keyless, keyless.present(0))).toEqual(KEY_REVOKED);
    const bound = history();
    bound.set({ jkt: "its key" });
    for (let rotation = 0; rotation < 3; rotation++) bound.rotate([], { provenJkt: "its key" });
    expect(judge(bound, bound.present(0, { provenJkt: "its key" }))).toEqual(KEY_REVOKED);
  });

  it("all else is judged as ever: a thief's request, a late duplicate, an exchange of the live token, what came to be since", () => {
    const h = history();
    h.rotate([KEYS[0]]);
    h.rotate([KEYS[1]]);
    expect(judge(h, h.present(1, { attemptKeys: [KEYS[2]] })).kind).toBe("reuse");
    expect(judge(h, h.present(1)).kind).toBe("reuse");
    expect(judge(h, h.present(0, { attemptKeys: [KEYS[0]] })).kind).toBe("superseded");
    expect(judge(h, h.present(2, { attemptKeys: [KEYS[2]] })).kind).toBe("rotate");
    const earlier = { underivableUntil: NOW - 1 };
    expect(judge(h, h.present(1, { attemptKeys: [KEYS[1]] }), earlier).kind).toBe("superseded");
    expect(judge(h, h.present(1, { attemptKeys: [KEYS[1]] }), { scheme }).kind).toBe("retry");
  });
});

describe("for any history", () => {
  /** What an honest client sends: a new key each time (or none at all), and up to three of those before it. */
  const keyLists = fc
    .array(fc.record({ keyed: fc.boolean(), older: fc.integer({ min: 0, max: 3 }) }), { minLength: 1, maxLength: 12 })
    .map((steps) => {
      const sent: string[] = [];
      return steps.map(({ keyed, older }, n) => {
        if (!keyed) return [];
        const keys = [`attempt-key-number-${n}`, ...sent.slice(0, older)];
        sent.unshift(`attempt-key-number-${n}`);
        return keys;
      });
    });

  it("the same token with the same keys is answered with the same successor until that is used", () => {
    fc.assert(
      fc.property(keyLists, (lists) => {
        const h = history();
        for (const keys of lists) {
          h.rotate(keys);
          const repeated = h.judge(h.present(h.session.generation - 1, { attemptKeys: keys }));
          const forgets = keys.length === 0 && h.session.attemptKeysUsed;
          expect(repeated).toEqual(forgets ? { kind: "reuse" } : { kind: "retry", secret: h.secrets.at(-1) });
        }
      }),
    );
  });

  it("a copy of any used token, without the keys that exchanged it, is reuse", () => {
    fc.assert(
      fc.property(keyLists, fc.nat(), (lists, pick) => {
        const h = history();
        lists.forEach((keys, n) => h.rotate(keys.length === 0 ? [`attempt-key-of-its-own-${n}`] : keys));
        const copy = h.present(pick % h.session.generation, { attemptKeys: ["the-thief-s-own-key"] });
        expect(h.judge(copy).kind).toBe("reuse");
      }),
    );
  });

  it("a wrong secret is never answered with a token", () => {
    fc.assert(
      fc.property(keyLists, fc.nat(20), fc.string(), (lists, generation, secret) => {
        const h = history();
        for (const keys of lists) h.rotate(keys);
        fc.pre(!h.secrets.includes(secret) && generation <= h.session.generation);
        const verdict = h.judge(h.present(generation, { secret, attemptKeys: [KEYS[0]] }));
        expect(["reuse", "superseded"]).toContain(verdict.kind);
      }),
    );
  });
});
