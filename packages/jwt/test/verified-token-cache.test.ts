import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createJwtVerifier,
  generateSigningKey,
  type JwtVerifierOptions,
  signJwt,
  type VerificationKey,
  verificationKeyOf,
} from "@latchkey/jwt";
import { refusalOf } from "./refusal.ts";
import { now, standardClaims, standardRules } from "./standard-token.ts";

const key = generateSigningKey("HS256", { kid: "k1" });

function sign(changes: object = {}): string {
  return signJwt({ ...standardClaims, ...changes }, key, { typ: "at+jwt" });
}

function createVerifier(options: Partial<JwtVerifierOptions> = {}) {
  return createJwtVerifier({ ...standardRules, keys: verificationKeyOf(key), cache: {}, ...options });
}

/** A copy that shares no memory with the original, as each request brings one. */
function copyOf(token: string): string {
  return Buffer.from(token).toString("latin1");
}

test("a token seen before is answered with the same claims, deep-frozen", () => {
  const verify = createVerifier();
  const token = sign({ roles: ["a", { b: 1 }] });
  const first = verify(token);
  expect(verify(copyOf(token))).toBe(first);
  expect(() => Object.assign(first.claims, { sub: "somebody else" })).toThrow(TypeError);
  expect(() => (first.claims["roles"] as string[]).push("admin")).toThrow(TypeError);
  expect(Object.isFrozen((first.claims["roles"] as object[])[1])).toBe(true);
});

test("without the option, every call verifies again and claims are the caller's own", () => {
  const verify = createVerifier({ cache: undefined });
  const token = sign();
  expect(verify(token)).not.toBe(verify(token));
  expect(Object.isFrozen(verify(token).claims)).toBe(false);
});

test("a cached token expires, and is not valid before its time, as any other", () => {
  let time = now;
  const verify = createVerifier({ clock: () => time, cache: { maxAgeSeconds: 3600 } });
  const token = sign({ exp: now + 100, nbf: now - 10 });
  expect(refusalOf(() => verify(token))).toBeUndefined();
  time = now + 104;
  expect(refusalOf(() => verify(token))).toBeUndefined();
  time = now + 105;
  expect(refusalOf(() => verify(token))).toBe("expired");
  time = now;
  expect(refusalOf(() => verify(token))).toBeUndefined();
  time = now - 16;
  expect(refusalOf(() => verify(token))).toBe("not_yet_valid");
});

test("where tokens from the future are taken, they are cached too", () => {
  const verify = createVerifier({ futureIssuedAt: "accept" });
  const token = sign({ iat: now + 300, exp: now + 600 });
  expect(verify(token)).toBe(verify(token));
});

test("a token is verified again after maxAgeSeconds", () => {
  let time = now;
  const verify = createVerifier({ clock: () => time, cache: { maxAgeSeconds: 30 } });
  const token = sign();
  const first = verify(token);
  time = now + 29;
  expect(verify(token)).toBe(first);
  time = now + 30;
  expect(verify(token)).not.toBe(first);
});

test("a key that the source drops or replaces stops its cached tokens at once", () => {
  const other = generateSigningKey("HS256", { kid: "k1" });
  let current: VerificationKey | undefined = verificationKeyOf(key);
  const verify = createVerifier({ keys: () => current });
  const token = sign();
  expect(refusalOf(() => verify(token))).toBeUndefined();
  current = undefined;
  expect(refusalOf(() => verify(token))).toBe("unknown_key");
  current = verificationKeyOf(other);
  expect(refusalOf(() => verify(token))).toBe("invalid_signature");
});

test("refused tokens never enter, and evict nothing", () => {
  const verify = createVerifier({ cache: { maxEntries: 1 } });
  const token = sign();
  const first = verify(token);
  for (let round = 0; round < 20; round++) {
    expect(refusalOf(() => verify(`${token.slice(0, -43)}${"A".repeat(27)}${token.slice(-16)}`))).toBe(
      "invalid_signature",
    );
    expect(refusalOf(() => verify(sign({ exp: 0, round })))).toBe("expired");
  }
  expect(verify(token)).toBe(first);
});

test("no more entries and bytes are kept than allowed: the oldest go first", () => {
  const tokens = Array.from({ length: 10 }, (_, number) => sign({ jti: `token_${number}` }));
  const bytes = tokens[0]?.length ?? 0;
  for (const cache of [{ maxEntries: 4 }, { maxBytes: 4 * bytes + 1 }]) {
    const verify = createVerifier({ cache });
    const first = tokens.map((token) => verify(token));
    const kept = tokens.map((token, number) => verify(token) === first[number]);
    // From the front, each miss takes the place of the oldest: only asking from the back shows who was kept.
    expect(kept).toEqual(Array.from({ length: 10 }, () => false));
    const last = tokens.map((token) => verify(token));
    expect(tokens.toReversed().map((token, at) => verify(token) === last[9 - at])).toEqual([
      true,
      true,
      true,
      true,
      ...Array.from({ length: 6 }, () => false),
    ]);
  }
});

test("B-17: no token is ever answered with another's claims, whatever the order, size of the cache and time", () => {
  const tokens = Array.from({ length: 12 }, (_, number) =>
    sign({ sub: `user_${number}`, exp: now + 20 * (number + 1) }),
  );
  const steps = fc.array(
    fc.record({ token: fc.nat(11), damage: fc.boolean(), seconds: fc.integer({ min: -30, max: 60 }) }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 6 }), (sequence, maxEntries) => {
      let time = now;
      const cached = createVerifier({ clock: () => time, cache: { maxEntries } });
      const plain = createVerifier({ clock: () => time, cache: undefined });
      for (const { token: number, damage, seconds } of sequence) {
        time += seconds;
        const token = tokens[number] ?? "";
        const text = damage ? `${token.slice(0, 80)}${token[80] === "A" ? "B" : "A"}${token.slice(81)}` : copyOf(token);
        const outcome = (verify: typeof plain) => refusalOf(() => verify(text)) ?? verify(text).claims;
        expect(outcome(cached)).toEqual(outcome(plain));
      }
    }),
    { numRuns: 200 },
  );
});

test("limits of the cache that are unknown or unsafe are refused", () => {
  for (const cache of [
    { maxEntry: 5 },
    { maxEntries: 0 },
    { maxEntries: Infinity },
    { maxBytes: 1 },
    { maxAgeSeconds: 0 },
    { maxAgeSeconds: 3601 },
    true,
  ]) {
    expect(refusalOf(() => createVerifier({ cache: cache as object }))).toBe("invalid_options");
  }
});
