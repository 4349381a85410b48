import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";

import { exportPrivateJwk, exportPublicJwk, generateSigningKey } from "@latchkey/jwt";
import { createVerifier, type Verifier, type VerifierOptions } from "@latchkey/verifier";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import {
  AUDIENCE,
  accessTokenClaims,
  type Answer,
  answerText,
  json,
  JWKS,
  listen,
  OPENID,
  startIssuer,
  stopServer,
  type TestIssuer,
} from "./issuer-on-loopback.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { refusalOf } from "./refusal-of.ts";

let clock: ManualClock;
let issuer: TestIssuer;
let verifier: Verifier;
/** What the verifier has asked for and not been answered. */
let pending: Set<Promise<unknown>>;
const cleanUps: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  clock = createManualClock();
  issuer = await startIssuer({ clock });
  pending = new Set();
  verifier = makeVerifier();
});
afterEach(async () => {
  vi.useRealTimers();
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
  await issuer.stop();
});

/** The real fetch, watched so that a test can wait for what happens in the background. */
function makeVerifier(options: Partial<VerifierOptions> = {}): Verifier {
  const watched: typeof fetch = async (input, init) => {
    const answer = fetch(input, init);
    pending.add(answer);
    try {
      return await answer;
    } finally {
      pending.delete(answer);
    }
  };
  const made = createVerifier({ issuer: issuer.url, audience: AUDIENCE, clock, fetch: watched, ...options });
  cleanUps.push(() => made.close());
  return made;
}

/** Until everything asked in the background has been answered and dealt with. */
async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 10; quiet += 1) {
    if (pending.size > 0) quiet = 0;
    await Promise.allSettled(pending);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Waits are for the test to let pass; sockets go on in real time. */
function stopTimers(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
}

async function letPass(seconds: number): Promise<void> {
  clock.advance(seconds);
  await vi.advanceTimersByTimeAsync(seconds * 1000);
}

/** A token nobody signed, whose claims are in order. */
function noise(): string {
  const header = { alg: "ES256", typ: "at+jwt", kid: randomBytes(8).toString("hex") };
  const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${segment(header)}.${segment(accessTokenClaims(issuer.url, clock()))}.${"A".repeat(86)}`;
}

describe("fetching the keys", () => {
  it("happens once, however many requests come first", async () => {
    await Promise.all(Array.from({ length: 100 }, () => verifier.verify(issuer.issue())));
    expect(issuer.paths).toEqual([OPENID, JWKS]);
  });

  it("can happen before the first request", async () => {
    await verifier.ready();
    await verifier.ready();
    expect(issuer.paths).toEqual([OPENID, JWKS]);
    expect(verifier.status()).toMatchObject({
      isReady: true,
      keys: { state: "fresh", keyIds: [issuer.key.kid], ageSeconds: 0, failure: undefined },
    });
  });

  it("is repeated in the background when the keys have aged, without anybody waiting", async () => {
    await verifier.ready();
    clock.advance(299);
    await verifier.verify(issuer.issue());
    await settle();
    expect(issuer.hits(JWKS)).toBe(1);
    clock.advance(1);
    let release: (() => void) | undefined;
    issuer.answerWith(OPENID, (_, response) => {
      release = () => json(response, { issuer: issuer.url, jwks_uri: `${issuer.url}${JWKS}` });
    });
    expect(verifier.status().keys.state).toBe("stale");
    await verifier.verify(issuer.issue()); // while the issuer has not answered
    await vi.waitFor(() => expect(release).toBeDefined());
    release?.();
    await settle();
    expect(issuer.hits(JWKS)).toBe(2);
    expect(verifier.status().keys).toMatchObject({ state: "fresh", ageSeconds: 0 });
  });

  it("is repeated when nobody calls, so that a withdrawn key is not trusted by the first who does", async () => {
    stopTimers();
    await verifier.ready();
    await letPass(300);
    await settle();
    expect(issuer.hits(JWKS)).toBe(2);
  });

  it("stops trusting a key the issuer has withdrawn", async () => {
    stopTimers();
    const old = issuer.issue();
    await verifier.verify(old);
    issuer.publish([generateSigningKey("ES256")]);
    await letPass(300);
    await settle();
    const refusal = refusalOf(verifier.verify(old));
    await letPass(1);
    expect(await refusal).toEqual({ code: "invalid_token", reason: "unknown_key" });
  });
});

describe("a key that is not held", () => {
  it("D-04: is accepted at most a second after another fetch", async () => {
    stopTimers();
    await verifier.ready();
    const next = generateSigningKey("ES256");
    issuer.publish([issuer.key, next]);
    const verified = verifier.verify(issuer.issue({}, { key: next }));
    await settle();
    expect(issuer.hits(JWKS)).toBe(1);
    await letPass(1);
    expect((await verified).subject).toBe("user-1");
    expect(issuer.hits(JWKS)).toBe(2);
  });

  it("D-04: is accepted at once when the last fetch was a second ago", async () => {
    await verifier.ready();
    clock.advance(1);
    const next = generateSigningKey("ES256");
    issuer.publish([issuer.key, next]);
    expect((await verifier.verify(issuer.issue({}, { key: next }))).subject).toBe("user-1");
  });

  it("D-04: is accepted though it was published after the fetch under way had been answered", async () => {
    stopTimers();
    let held: ServerResponse | undefined;
    issuer.answerWith(JWKS, (_, response) => {
      held = response;
    });
    const first = verifier.ready();
    await vi.waitFor(() => expect(held).toBeDefined());
    const next = generateSigningKey("ES256");
    const verified = verifier.verify(issuer.issue({}, { key: next }));
    issuer.answerWith(JWKS, undefined);
    issuer.publish([issuer.key, next]);
    if (held !== undefined) json(held, { keys: [exportPublicJwk(issuer.key)] });
    await first;
    await settle();
    await letPass(1);
    expect((await verified).subject).toBe("user-1");
    expect(issuer.hits(JWKS)).toBe(2);
  });

  it("D-01, K-07: costs the issuer one request a second in a flood of 10,000 random kids, and a new key gets through", async () => {
    stopTimers();
    await verifier.ready();
    const next = generateSigningKey("ES256");
    for (let second = 1; second <= 3; second += 1) {
      const flood = Array.from({ length: 3_334 }, () => refusalOf(verifier.verify(noise())));
      const genuine = second === 2 ? verifier.verify(issuer.issue({}, { key: next })) : undefined;
      if (second === 2) issuer.publish([issuer.key, next]);
      await settle();
      expect(issuer.hits(JWKS)).toBe(second);
      await verifier.verify(issuer.issue()); // known keys do not wait
      await letPass(1);
      const refusals = await Promise.all(flood);
      expect(new Set(refusals.map(({ reason }) => reason))).toEqual(new Set(["unknown_key"]));
      expect((await genuine)?.subject).toBe(second === 2 ? "user-1" : undefined);
      expect(issuer.hits(JWKS)).toBe(second + 1);
    }
    expect(issuer.hits(OPENID)).toBe(1);
  });

  it("is answered 503 while the issuer cannot say, and accepted when it can", async () => {
    await verifier.ready();
    clock.advance(10);
    const next = generateSigningKey("ES256");
    issuer.publish([issuer.key, next]);
    issuer.answerWith(JWKS, answerText(500, ""));
    const token = issuer.issue({}, { key: next });
    const unavailable = { code: "unavailable", reason: "no_keys", retryAfterSeconds: 1 };
    expect(await refusalOf(verifier.verify(token))).toEqual(unavailable);
    issuer.answerWith(JWKS, undefined);
    clock.advance(1);
    expect((await verifier.verify(token)).subject).toBe("user-1");
  });

  it("is not asked for where the token names none", async () => {
    await verifier.ready();
    const anonymous = `${Buffer.from('{"alg":"ES256","typ":"at+jwt"}').toString("base64url")}.${noise().split(".").slice(1).join(".")}`;
    expect(await refusalOf(verifier.verify(anonymous))).toMatchObject({ code: "invalid_token" });
    expect(issuer.hits(JWKS)).toBe(1);
  });
});

describe("an issuer that is down", () => {
  it("D-02, K-07: does not take the keys away, and is asked with back-off", async () => {
    await verifier.ready();
    issuer.answerWith(JWKS, answerText(500, ""));
    clock.advance(300);
    const before = issuer.hits(JWKS);
    for (let second = 0; second < 60; second += 1) {
      for (let index = 0; index < 5; index += 1) await verifier.verify(issuer.issue());
      await settle();
      clock.advance(1);
    }
    // At 0, 1, 3, 7, 15 and 31 seconds.
    expect(issuer.hits(JWKS) - before).toBe(6);
    expect(verifier.status()).toMatchObject({
      isReady: true,
      keys: { state: "stale", failure: { reason: "bad_status", status: 500 } },
    });
    issuer.answerWith(JWKS, undefined);
    clock.advance(30);
    await verifier.verify(issuer.issue());
    await settle();
    expect(verifier.status().keys).toMatchObject({ state: "fresh", failure: undefined });
  });

  it("is retried when nobody calls", async () => {
    stopTimers();
    issuer.answerWith(OPENID, answerText(503, ""));
    await expect(verifier.ready()).rejects.toMatchObject({ code: "unavailable" });
    issuer.answerWith(OPENID, undefined);
    await letPass(1);
    await settle();
    expect(verifier.status().isReady).toBe(true);
  });

  it("does not hold up requests whose key is known while it hangs", async () => {
    stopTimers();
    await verifier.ready();
    issuer.answerWith(JWKS, () => {});
    clock.advance(300);
    await verifier.verify(issuer.issue()); // begins a refresh that hangs
    await vi.waitFor(() => expect(issuer.hits(JWKS)).toBe(2));
    for (let index = 0; index < 20; index += 1) await verifier.verify(issuer.issue());
    expect(issuer.hits(JWKS)).toBe(2);
    await letPass(5);
    await settle();
    expect(verifier.status()).toMatchObject({ isReady: true, keys: { failure: { reason: "timeout" } } });
  });

  it("is answered for with 503 where no key was ever had, at once while backing off", async () => {
    issuer.answerWith(OPENID, answerText(500, ""));
    const unavailable = { code: "unavailable", reason: "no_keys" };
    expect(await refusalOf(verifier.verify(issuer.issue()))).toMatchObject({ ...unavailable, retryAfterSeconds: 1 });
    clock.advance(1);
    expect(await refusalOf(verifier.verify(issuer.issue()))).toMatchObject({ ...unavailable, retryAfterSeconds: 2 });
    for (let index = 0; index < 20; index += 1) {
      expect(await refusalOf(verifier.verify(issuer.issue()))).toMatchObject({ ...unavailable, retryAfterSeconds: 2 });
    }
    expect(issuer.paths).toEqual([OPENID, OPENID]);
  });

  it("is trusted for a day from its last answer, and then no longer", async () => {
    await verifier.ready();
    issuer.answerWith(OPENID, answerText(500, ""));
    const claims = { exp: clock() + 10 * 86_400 };
    const token = issuer.issue(claims);
    clock.advance(86_400);
    expect((await verifier.verify(token)).subject).toBe("user-1");
    await settle();
    clock.advance(1);
    expect(await refusalOf(verifier.verify(token))).toMatchObject({ code: "unavailable", reason: "no_keys" });
    expect(verifier.status()).toMatchObject({ isReady: false, keys: { state: "expired" } });
    issuer.answerWith(OPENID, undefined);
    clock.advance(30);
    expect((await verifier.verify(token)).subject).toBe("user-1");
  });

  it("is not trusted by a clock that gives no number", async () => {
    let time = clock();
    const own = makeVerifier({ clock: () => time });
    const token = issuer.issue();
    await own.verify(token);
    time = Number.NaN;
    expect(["unavailable", "invalid_token"]).toContain((await refusalOf(own.verify(token))).code);
    expect(own.status().isReady).toBe(false);
  });

  it("is not asked less often because the clock was set back", async () => {
    issuer.answerWith(OPENID, answerText(500, ""));
    await refusalOf(verifier.verify(issuer.issue()));
    issuer.answerWith(OPENID, undefined);
    clock.advance(-86_400);
    expect((await verifier.verify(issuer.issue())).subject).toBe("user-1");
  });

  it("is reported where nothing listens", async () => {
    await issuer.stop();
    const error: unknown = await verifier.ready().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "unavailable", message: expect.stringContaining("(ECONNREFUSED)") });
    issuer = await startIssuer({ clock });
  });
});

describe("a key set that is not right", () => {
  const replacements: readonly (readonly [string, string, () => Answer])[] = [
    ["empty", "bad_key_set", () => answerText(200, '{"keys":[]}')],
    [
      "of unknown kinds alone",
      "bad_key_set",
      () => answerText(200, '{"keys":[{"kty":"AKP","alg":"ML-DSA-44","kid":"1"}]}'),
    ],
    ["no set", "bad_key_set", () => answerText(200, "[]")],
    ["null", "bad_key_set", () => answerText(200, "null")],
    ["garbage", "not_json", () => answerText(200, "<html>Welcome to the hotel wifi</html>")],
    ["nothing", "not_json", () => answerText(200, "")],
    ["truncated", "not_json", () => answerText(200, '{"keys":[{"kty":"EC"')],
    ["a 404", "bad_status", () => answerText(404, '{"keys":[]}')],
    ["a 204", "bad_status", () => (_, response) => response.writeHead(204).end()],
    ["of 101 keys", "bad_key_set", () => answerText(200, JSON.stringify({ keys: manyKeys(101) }))],
    ["K-06 holding a secret among public keys", "bad_key_set", () => answerText(200, mixedSet())],
    ["D-03 holding private keys", "bad_key_set", () => answerText(200, privateSet())],
    ["D-03, K-06 with two keys of one kid", "bad_key_set", () => answerText(200, duplicateSet())],
    ["K-06 with a weak RSA key", "bad_key_set", () => answerText(200, weakSet())],
    ["D-03 of 50 MB", "too_large", () => endless(50 * 1024 * 1024)],
    ["D-03 of 50 MB in 50 kB", "too_large", () => compressed(50 * 1024 * 1024)],
  ];

  it.each(replacements)("D-02, D-03: replaces nothing: %s (%s)", async (_, reason, makeAnswer) => {
    await verifier.ready();
    issuer.answerWith(JWKS, makeAnswer());
    clock.advance(300);
    await verifier.verify(issuer.issue());
    await vi.waitFor(() => expect(verifier.status().keys.failure?.reason).toBe(reason), 10_000);
    expect(verifier.status().keys.keyIds).toEqual([issuer.key.kid]);
    expect((await verifier.verify(issuer.issue())).subject).toBe("user-1");
  });

  it("K-08: is given up when it drips in too slowly", async () => {
    verifier = makeVerifier({ fetchTimeoutSeconds: 1 });
    issuer.answerWith(JWKS, (_, response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      const drip = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(drip));
    });
    await expect(verifier.ready()).rejects.toMatchObject({ code: "unavailable" });
    expect(verifier.status().keys.failure).toMatchObject({ reason: "timeout" });
  });

  it("K-08: is not read beyond the cap", async () => {
    let sent = 0;
    issuer.answerWith(
      JWKS,
      endless(50 * 1024 * 1024, (bytes) => (sent += bytes)),
    );
    await expect(verifier.ready()).rejects.toMatchObject({ code: "unavailable" });
    expect(sent).toBeLessThan(20 * 1024 * 1024);
  });

  it("K-08: is not looked for behind a redirect", async () => {
    const asked: (string | undefined)[] = [];
    const elsewhere = await listen((request, response) => {
      asked.push(request.url);
      json(response, { keys: [exportPublicJwk(issuer.key)] });
    });
    cleanUps.push(() => stopServer(elsewhere.server));
    for (const path of [JWKS, OPENID]) {
      for (const status of [301, 302, 307, 308]) {
        const own = makeVerifier();
        issuer.answerWith(path, (_, response) => {
          response.writeHead(status, { Location: `${elsewhere.origin}/latest/meta-data` }).end();
        });
        await expect(own.ready()).rejects.toMatchObject({ code: "unavailable" });
        expect(own.status().keys.failure).toMatchObject({ reason: "redirected", status });
      }
      issuer.answerWith(path, undefined);
    }
    expect(asked).toEqual([]);
  });

  it("K-05: serves for the keys in it that are understood", async () => {
    const unknown = [
      { kty: "AKP", alg: "ML-DSA-44", kid: "tomorrow", pub: "AAAA" },
      { kty: "EC", crv: "secp999r1", kid: "curve", x: "AAAA", y: "AAAA" },
      { ...exportPublicJwk(generateSigningKey("ES256", { kid: "enc" })), use: "enc" },
    ];
    issuer.publish([...unknown, issuer.key]);
    expect((await verifier.verify(issuer.issue())).subject).toBe("user-1");
    expect(verifier.status().keys.keyIds).toEqual([issuer.key.kid]);
  });
});

describe("a closed verifier", () => {
  it("lets go of what it was waiting for, and verifies nothing any more", async () => {
    await verifier.ready();
    clock.advance(300);
    let asked = false;
    issuer.answerWith(OPENID, () => {
      asked = true;
    });
    await verifier.verify(issuer.issue());
    const waiting = refusalOf(verifier.verify(noise()));
    await vi.waitFor(() => expect(asked).toBe(true));
    verifier.close();
    expect(await waiting).toMatchObject({ code: "unavailable" });
    expect(await refusalOf(verifier.verify(issuer.issue()))).toMatchObject({ code: "unavailable", reason: "closed" });
    await expect(verifier.ready()).rejects.toMatchObject({ code: "unavailable" });
    expect(verifier.status()).toMatchObject({ isReady: false, isClosed: true });
  });
});

function manyKeys(count: number): readonly object[] {
  return Array.from({ length: count }, () => exportPublicJwk(generateSigningKey("Ed25519")));
}

function mixedSet(): string {
  return JSON.stringify({ keys: [exportPublicJwk(issuer.key), { kty: "oct", kid: "s", k: "AAAA", alg: "HS256" }] });
}

function privateSet(): string {
  return JSON.stringify({ keys: [exportPrivateJwk(issuer.key)] });
}

function duplicateSet(): string {
  const kid = issuer.key.kid ?? "";
  const other = exportPublicJwk(generateSigningKey("ES256", { kid }));
  return JSON.stringify({ keys: [exportPublicJwk(issuer.key), other] });
}

function weakSet(): string {
  const n = Buffer.concat([Buffer.from([0xc1]), randomBytes(126), Buffer.from([0x01])]).toString("base64url");
  return JSON.stringify({
    keys: [exportPublicJwk(issuer.key), { kty: "RSA", alg: "RS256", kid: "weak", n, e: "AQAB" }],
  });
}

/** A body of that many bytes, sent as fast as it is taken. */
function endless(bytes: number, onSent: (bytes: number) => void = () => {}): Answer {
  const chunk = Buffer.alloc(64 * 1024, " ");
  return (_, response) => {
    response.writeHead(200, { "Content-Type": "application/json" });
    let left = bytes;
    const push = (): void => {
      while (left > 0 && !response.destroyed) {
        left -= chunk.length;
        onSent(chunk.length);
        if (!response.write(chunk)) {
          response.once("drain", push);
          return;
        }
      }
      response.end();
    };
    push();
  };
}

function compressed(bytes: number): Answer {
  const body = gzipSync(Buffer.alloc(bytes, " "));
  return (_, response) => {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Encoding": "gzip" }).end(body);
  };
}
