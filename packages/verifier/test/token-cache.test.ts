import { exportPrivatePem, generateSigningKey, type SigningKey } from "@latchkey/jwt";
import { createVerifier, type Verifier, type VerifierOptions } from "@latchkey/verifier";
import fc from "fast-check";
import { importPKCS8, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { AUDIENCE, JWKS, startIssuer, type TestIssuer } from "./issuer-on-loopback.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { refusalOf } from "./refusal-of.ts";

let clock: ManualClock;
let issuer: TestIssuer;
const cleanUps: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  clock = createManualClock();
  issuer = await startIssuer({ clock });
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  await issuer.stop();
});

function makeVerifier(options: Partial<VerifierOptions> = {}): Verifier {
  const made = createVerifier({ issuer: issuer.url, audience: AUDIENCE, clock, ...options });
  cleanUps.push(() => made.close());
  return made;
}

/** A copy that shares no memory with the original, as each request brings one. */
function copyOf(token: string): string {
  return Buffer.from(token).toString("latin1");
}

/** Makes the verifier fetch the keys: it asks for one it does not know. */
async function refresh(verifier: Verifier): Promise<void> {
  const before = issuer.hits(JWKS);
  clock.advance(2);
  await refusalOf(verifier.verify(issuer.issue({}, { key: generateSigningKey("ES256") })));
  expect(issuer.hits(JWKS)).toBe(before + 1);
}

describe("a token that was verified before", () => {
  it("is answered with the same, deep-frozen token", async () => {
    const verifier = makeVerifier();
    const token = issuer.issue({ tenant: { name: "t1" } });
    const first = await verifier.verify(token);
    expect(await verifier.verify(copyOf(token))).toBe(first);
    expect(await verifier.authenticate({ headers: { authorization: `Bearer ${copyOf(token)}` } })).toBe(first);
    expect(Object.isFrozen(first.claims) && Object.isFrozen(first.claims["tenant"])).toBe(true);
  });

  it("is verified anew where the cache is turned off", async () => {
    const verifier = makeVerifier({ tokenCache: false });
    const token = issuer.issue();
    const first = await verifier.verify(token);
    const second = await verifier.verify(token);
    expect(second).not.toBe(first);
    expect(second).toEqual(first);
  });

  it("is verified anew after maxAgeSeconds, and when newer tokens have taken its place", async () => {
    const token = issuer.issue();
    const short = makeVerifier({ tokenCache: { maxAgeSeconds: 10 } });
    const first = await short.verify(token);
    clock.advance(9);
    expect(await short.verify(token)).toBe(first);
    clock.advance(1);
    expect(await short.verify(token)).not.toBe(first);

    for (const tokenCache of [{ maxEntries: 2 }, { maxBytes: 1024 }]) {
      const small = makeVerifier({ tokenCache });
      const kept = await small.verify(token);
      expect(await small.verify(token)).toBe(kept);
      await small.verify(issuer.issue({ jti: "token-2" }));
      await small.verify(issuer.issue({ jti: "token-3" }));
      expect(await small.verify(token)).not.toBe(kept);
    }
  });

  it("is refused from exp plus the leeway on, and before nbf when the clock is set back", async () => {
    const verifier = makeVerifier({ tokenCache: { maxAgeSeconds: 3600 } });
    const token = issuer.issue({ exp: clock() + 100, nbf: clock() });
    await verifier.verify(token);
    clock.advance(104);
    await verifier.verify(token);
    clock.advance(1);
    expect(await refusalOf(verifier.verify(token))).toMatchObject({ code: "expired_token" });
    clock.advance(-105);
    await verifier.verify(token);
    clock.advance(-6);
    expect(await refusalOf(verifier.verify(token))).toMatchObject({ reason: "not_yet_valid" });
  });

  it("is no good for another verifier: not for another audience, nor for another issuer's keys", async () => {
    const token = issuer.issue();
    await makeVerifier().verify(token);
    const elsewhere = makeVerifier({ audience: "https://elsewhere.example.com" });
    expect(await refusalOf(elsewhere.verify(token))).toMatchObject({ reason: "not_for_us" });
    const other = await startIssuer({ clock });
    cleanUps.push(() => other.stop());
    expect(await refusalOf(makeVerifier({ issuer: other.url }).verify(token))).toMatchObject({ reason: "not_for_us" });
  });

  it("is refused by a closed verifier, and 503 where the keys have become too old", async () => {
    const verifier = makeVerifier({ keyRefreshSeconds: 10, maxKeyAgeSeconds: 60 });
    const token = issuer.issue();
    await verifier.verify(token);
    issuer.answerWith(JWKS, (_, response) => response.writeHead(500).end());
    clock.advance(61);
    expect(await refusalOf(verifier.verify(token))).toMatchObject({ code: "unavailable", reason: "no_keys" });
    issuer.answerWith(JWKS, undefined);
    const other = makeVerifier();
    await other.verify(token);
    other.close();
    expect(await refusalOf(other.verify(token))).toMatchObject({ reason: "closed" });
  });
});

describe("a change of the key set", () => {
  it("stops remembered tokens of a withdrawn key at once", async () => {
    const verifier = makeVerifier();
    const token = issuer.issue();
    await verifier.verify(token);
    issuer.publish([generateSigningKey("ES256")]);
    await refresh(verifier);
    clock.advance(2);
    expect(await refusalOf(verifier.verify(token))).toMatchObject({ reason: "unknown_key" });
  });

  it("stops them as well where another key has taken the kid", async () => {
    const verifier = makeVerifier();
    const token = issuer.issue();
    await verifier.verify(token);
    issuer.publish([generateSigningKey("ES256", { kid: issuer.key.kid ?? "" })]);
    await refresh(verifier);
    expect(await refusalOf(verifier.verify(token))).toMatchObject({ reason: "invalid_signature" });
  });

  it("of any kind empties the cache; fetching the same keys again does not", async () => {
    const verifier = makeVerifier();
    const token = issuer.issue();
    const first = await verifier.verify(token);
    await refresh(verifier);
    expect(await verifier.verify(token)).toBe(first);
    issuer.publish([issuer.key, generateSigningKey("ES256")]);
    await refresh(verifier);
    expect(await verifier.verify(token)).not.toBe(first);
  });
});

describe("a refused token", () => {
  it("takes nobody's place, whatever is wrong with it", async () => {
    const verifier = makeVerifier({ tokenCache: { maxEntries: 1 } });
    const token = issuer.issue();
    const first = await verifier.verify(token);
    const forged = `${token.slice(0, -86)}${"A".repeat(70)}${token.slice(-16)}`;
    for (const bad of [forged, issuer.issue({ exp: 1 }), issuer.issue({ aud: "x" }), "a.b.c", ""]) {
      await refusalOf(verifier.verify(bad));
    }
    expect(await verifier.verify(token)).toBe(first);
  });

  it.each([
    [{ cnf: { jkt: "x" } }, "bound_token"],
    [{ roles: "editor" }, "invalid_claim"],
    [{ sid: 7 }, "invalid_claim"],
  ])("with %j is refused each time", async (claims, reason) => {
    const verifier = makeVerifier();
    const token = issuer.issue(claims);
    for (let time = 0; time < 3; time += 1) {
      expect(await refusalOf(verifier.verify(token))).toMatchObject({ code: "invalid_token", reason });
    }
  });
});

describe("no token", () => {
  it("B-17: is ever answered with another's claims, whatever happens in between", async () => {
    const second = generateSigningKey("ES256");
    const tokens = await Promise.all(
      Array.from({ length: 10 }, (_, number) => issueWith(number % 2 === 0 ? issuer.key : second, number)),
    );
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("verify" as const), number: fc.nat(9) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant("damage" as const), number: fc.nat(9), at: fc.nat(2000) }),
      },
      // Another token's header and claims with the end of this one's signature, by which the cache finds it.
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("graft" as const),
          number: fc.nat(9),
          donor: fc.nat(9),
          tail: fc.nat(90),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant("wait" as const), seconds: fc.integer({ min: -60, max: 300 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant("publish" as const), first: fc.boolean(), second: fc.boolean() }),
      },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40, size: "max" }),
        fc.integer({ min: 1, max: 8 }),
        async (sequence, maxEntries) => {
          issuer.publish([issuer.key, second]);
          // No refresh in the background: both are to fetch the same keys at the same steps.
          const options = { keyRefreshSeconds: 86_400 };
          const cached = makeVerifier({ ...options, tokenCache: { maxEntries } });
          const plain = makeVerifier({ ...options, tokenCache: false });
          const start = clock();
          const outcomes: [unknown, unknown][] = [];
          for (const one of sequence) {
            clock.advance(2); // past the cool-down, so that asking for an unknown key waits for nothing
            if (one.kind === "wait") clock.advance(one.seconds);
            if (one.kind === "publish") {
              issuer.publish([...(one.first ? [issuer.key] : []), ...(one.second ? [second] : [])]);
            }
            // A token with a key nobody knows makes both of them look what is published.
            const text = one.kind === "wait" || one.kind === "publish" ? strange() : textOf(one);
            outcomes.push([await outcomeOf(cached, text), await outcomeOf(plain, text)]);
          }
          for (const [ofCached, ofPlain] of outcomes) expect(ofCached).toEqual(ofPlain);
          cached.close();
          plain.close();
          clock.advance(start - clock());
        },
      ),
      { numRuns: 60 },
    );

    function textOf(
      one:
        | { kind: "verify"; number: number }
        | { kind: "damage"; number: number; at: number }
        | { kind: "graft"; number: number; donor: number; tail: number },
    ): string {
      const token = tokens[one.number] ?? "";
      if (one.kind === "verify") return copyOf(token);
      if (one.kind === "damage") {
        const at = one.at % token.length;
        return `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
      }
      const donor = tokens[one.donor] ?? "";
      return donor.slice(0, donor.length - one.tail) + token.slice(token.length - one.tail);
    }
  });

  const strange = (): string => issuer.issue({}, { key: generateSigningKey("ES256") });

  async function outcomeOf(verifier: Verifier, token: string): Promise<unknown> {
    return verifier.verify(token).then(
      (verified) => verified,
      (error: unknown) => (error as { refusal: unknown }).refusal,
    );
  }

  /** Tokens that differ in everything a program might tell callers apart by, and in their times. */
  async function issueWith(key: SigningKey, number: number): Promise<string> {
    const signer = await importPKCS8(exportPrivatePem(key), "ES256");
    return new SignJWT({
      iss: issuer.url,
      aud: AUDIENCE,
      sub: `user-${number}`,
      client_id: `client-${number}`,
      jti: `token-${number}`,
      sid: `session-${number}`,
      scope: `read:${number}`,
      iat: clock(),
      exp: clock() + 200 + 100 * number,
    })
      .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: key.kid ?? "" })
      .sign(signer);
  }
});
