import { text } from "node:stream/consumers";

import { exportPublicJwk, generateSigningKey, signJws, type SigningKey } from "@latchkey/jwt";
import { formatApiToken, type Revocation } from "@latchkey/protocol";
import { createVerifier, type Verifier, type VerifierOptions } from "@latchkey/verifier";
import { guard, requireRole, requireScope } from "@latchkey/verifier/fetch";
import * as dpop from "dpop";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { FEED, startFeed, type TestFeed } from "./feed-on-loopback.ts";
import { accessTokenClaims, answerText, AUDIENCE, json, startIssuer, type TestIssuer } from "./issuer-on-loopback.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { refusalOf } from "./refusal-of.ts";

const API_TOKEN_KEYS = "/api-token-jwks.json";
const USES = "/api-tokens/uses";
const CREDENTIALS = { id: "api", secret: "a secret of at least 32 characters" };
const YEAR = 365 * 86_400;

let clock: ManualClock;
let issuer: TestIssuer;
let feed: TestFeed;
let key: SigningKey;
const cleanUps: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  clock = createManualClock();
  issuer = await startIssuer({ clock });
  feed = startFeed(issuer, { clock });
  cleanUps.push(() => feed.stop());
  issuer.answerWith(FEED, feed.answer);
  key = generateSigningKey("ES256");
  publish([key]);
  advertise();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  await issuer.stop();
});

function publish(keys: readonly SigningKey[]): void {
  const set = { keys: keys.map((one) => exportPublicJwk(one)) };
  issuer.answerWith(API_TOKEN_KEYS, (_, response) => json(response, set));
}

function advertise(changes: object = {}): void {
  issuer.describe({
    revocation_feed_endpoint: `${issuer.url}${FEED}`,
    revocation_feed_access: "public",
    api_token_jwks_uri: `${issuer.url}${API_TOKEN_KEYS}`,
    api_token_uses_endpoint: `${issuer.url}${USES}`,
    ...changes,
  });
}

function makeVerifier(options: Partial<VerifierOptions> = {}): Verifier {
  const made = createVerifier({ issuer: issuer.url, audience: AUDIENCE, clock, apiTokens: true, ...options });
  cleanUps.push(() => made.close());
  return made;
}

/** The JWT inside of a good API token, with these claims changed. */
function jwtOf(claims: object = {}, { signer = key, typ = "latchkey-api+jwt" } = {}): string {
  const changes = { sid: undefined, roles: undefined, amr: undefined, acr: undefined, auth_time: undefined };
  const all = accessTokenClaims(issuer.url, clock(), {
    ...changes,
    exp: clock() + YEAR,
    jti: "api-token-1",
    ...claims,
  });
  return signJws(Buffer.from(JSON.stringify(all)), signer, { typ });
}

const issue = (claims: object = {}): string => formatApiToken(jwtOf(claims));

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`It took longer than 5 s until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("API tokens", () => {
  it("are taken by a verifier withApiTokens() alone, and by it access tokens as well", async () => {
    const verifier = makeVerifier();
    const both = verifier.withApiTokens();
    const token = issue();
    await expect(both.verify(token)).resolves.toMatchObject({
      kind: "api-token",
      subject: "user-1",
      tokenId: "api-token-1",
      sessionId: undefined,
      scopes: ["read:users", "read:reports"],
      roles: [],
    });
    await expect(both.verify(issuer.issue())).resolves.toMatchObject({ kind: "access-token", roles: ["editor"] });
    expect(verifier.withApiTokens()).toBe(both);
    expect(both.withApiTokens()).toBe(both);

    await verifier.ready();
    expect(await refusalOf(verifier.verify(token))).toMatchObject({ code: "invalid_token" });
    const plain = makeVerifier({ apiTokens: undefined });
    expect(await refusalOf(plain.verify(token))).toMatchObject({ code: "invalid_token" });
    expect(() => plain.withApiTokens()).toThrow("apiTokens: true");
  });

  it("C-06: are refused by access-token verifiers as the JWT inside, whoever signed it, and access tokens in the outer form", async () => {
    const verifier = makeVerifier();
    const both = verifier.withApiTokens();
    await both.ready();
    for (const taker of [verifier, both]) {
      expect(await refusalOf(taker.verify(jwtOf()))).toMatchObject({ reason: "not_for_us" });
      // The type of access tokens, by a key of API tokens; and the other way about.
      expect(await refusalOf(taker.verify(jwtOf({}, { typ: "at+jwt" })))).toMatchObject({ reason: "unknown_key" });
      expect(await refusalOf(taker.verify(jwtOf({}, { signer: issuer.key })))).toMatchObject({ reason: "wrong_type" });
    }
    expect(await refusalOf(both.verify(formatApiToken(issuer.issue())))).toMatchObject({ reason: "not_for_us" });
    const byAccessKey = formatApiToken(jwtOf({}, { signer: issuer.key }));
    expect(await refusalOf(both.verify(byAccessKey))).toMatchObject({ reason: "unknown_key" });
    const typed = formatApiToken(jwtOf({}, { typ: "at+jwt" }));
    expect(await refusalOf(both.verify(typed))).toMatchObject({ reason: "wrong_type" });
  });

  it.each([
    ["another checksum", () => `${issue().slice(0, -6)}000000`, "malformed_token"],
    ["no checksum", () => issue().slice(0, -7), "malformed_token"],
    ["another audience", () => issue({ aud: "https://other.example.com" }), "not_for_us"],
    ["another issuer", () => issue({ iss: "https://evil.example.com" }), "not_for_us"],
    ["an end that is past", () => issue({ exp: Math.floor(clock()) - 6 }), "not_for_us"],
    ["no jti", () => issue({ jti: undefined }), "missing_claim"],
    [
      "a key that nobody published",
      () => formatApiToken(jwtOf({}, { signer: generateSigningKey("ES256") })),
      "unknown_key",
    ],
  ])("with %s are refused", async (_, make, reason) => {
    const both = makeVerifier().withApiTokens();
    const refusal = await refusalOf(both.verify(make()));
    expect(refusal).toMatchObject({ code: "invalid_token", reason });
  });

  it("carry no roles, whatever they say, and are held to scopes like any token", async () => {
    const both = makeVerifier().withApiTokens();
    const ask = async (handler: (request: Request) => Promise<Response>, token: string): Promise<number> =>
      (await handler(new Request(AUDIENCE, { headers: { Authorization: `Bearer ${token}` } }))).status;
    const answer = (): Response => new Response("ok");
    expect(await ask(guard(both, requireScope("read:reports"), answer), issue())).toBe(200);
    expect(await ask(guard(both, requireScope("write:reports"), answer), issue())).toBe(403);
    expect(await ask(guard(both, requireRole("admin"), answer), issue({ roles: ["admin"] }))).toBe(403);
    expect(await ask(guard(makeVerifier(), answer), issue())).toBe(401);
  });

  it("are taken from Authorization alone, not from the access token's cookie", async () => {
    const both = makeVerifier({ accessCookie: { allowedOrigins: [AUDIENCE] } }).withApiTokens();
    await both.ready();
    const authenticate = (token: string) =>
      both.authenticate({ headers: { cookie: `latchkey-at=${token}` }, method: "GET", url: "/" });
    await expect(authenticate(issuer.issue())).resolves.toMatchObject({ kind: "access-token" });
    expect(await refusalOf(authenticate(issue()))).toMatchObject({ code: "invalid_token" });
  });

  it("RS-04 DP-04: bound to a key, need its proof, which is for the token as it was sent", async () => {
    // Proofs are of the system's time.
    clock.advance(Math.floor(Date.now() / 1000) - clock());
    const both = makeVerifier().withApiTokens();
    const pair = await dpop.generateKeyPair("ES256");
    const token = issue({ cnf: { jkt: await dpop.calculateThumbprint(pair.publicKey) } });
    expect(await refusalOf(both.verify(token))).toMatchObject({ reason: "bound_token" });
    const send = async (provenToken: string) => {
      const proof = await dpop.generateProof(pair, `${AUDIENCE}/`, "GET", undefined, provenToken);
      return both.authenticate({ headers: { authorization: `DPoP ${token}`, dpop: proof }, method: "GET", url: "/" });
    };
    await expect(send(token)).resolves.toMatchObject({ kind: "api-token" });
    expect(await refusalOf(send(token.slice(7, -7)))).toMatchObject({ code: "invalid_dpop_proof" });
  });
});

describe("a revoked API token", () => {
  it.each<[string, () => Revocation, string]>([
    ["by itself", () => ({ kind: "token", id: "api-token-1", until: clock() + YEAR }), "revoked_token"],
    ["with its key", () => ({ kind: "key", id: key.kid ?? "", until: clock() + 8 * 86_400 }), "revoked_key"],
    [
      "with its user",
      () => ({ kind: "subject", id: "user-1", before: clock() + 9, until: clock() + 9 }),
      "revoked_subject",
    ],
  ])("is refused within a second, remembered or not: %s", async (_, revocation, reason) => {
    const both = makeVerifier().withApiTokens();
    const token = issue();
    await both.verify(token);
    const before = both.status().revocation.entries;
    feed.revoke(revocation());
    await until(() => both.status().revocation.entries > before, "the revocation was heard");
    expect(await refusalOf(both.verify(token))).toMatchObject({ code: "invalid_token", reason });
    if (reason === "revoked_token") await both.verify(issue({ jti: "another" }));
  });

  it("stays refused for as long as it lives, long after entries about access tokens are forgotten", async () => {
    const both = makeVerifier({ maxKeyAgeSeconds: 7 * 86_400 }).withApiTokens();
    await both.ready();
    const token = issue();
    feed.revoke({ kind: "token", id: "api-token-1", until: clock() + YEAR + 120 });
    await until(() => both.status().revocation.entries > 0, "the revocation was heard");
    for (let day = 0; day < 6; day += 1) {
      clock.advance(86_000);
      for (let beat = 0; beat < 40; beat += 1) feed.beat();
      const heard = (): boolean => (both.status().revocation.ageSeconds ?? 99) < 30;
      await until(heard, "the feed was heard again");
      expect(await refusalOf(both.verify(token))).toMatchObject({ reason: "revoked_token" });
    }
  });

  it("is not refused for old roles: it carries none, and nothing could refresh it", async () => {
    const both = makeVerifier().withApiTokens();
    await both.ready();
    feed.revoke({ kind: "claims", id: "user-1", epoch: 3, until: clock() + 720 });
    await until(() => both.status().revocation.entries > 0, "it was heard");
    expect(await refusalOf(both.verify(issuer.issue()))).toMatchObject({ code: "stale_token" });
    await both.verify(issue());
  });
});

describe("while revocations are not heard of, API tokens", () => {
  it("OP-03: are answered 503 where access tokens are accepted until they expire", async () => {
    const both = makeVerifier({ revocation: { maxStalenessSeconds: 30 } }).withApiTokens();
    await both.verify(issue());
    issuer.answerWith(FEED, answerText(503, "{}"));
    feed.cut();
    clock.advance(60);
    await both.verify(issuer.issue());
    expect(await refusalOf(both.verify(issue()))).toMatchObject({ code: "unavailable", reason: "stale_revocations" });
  });

  it("are answered 503 where the feed was never heard, and waited with for it at first", async () => {
    issuer.answerWith(FEED, answerText(503, "{}"));
    const both = makeVerifier().withApiTokens();
    expect(await refusalOf(both.verify(issue()))).toMatchObject({ code: "unavailable", reason: "stale_revocations" });

    issuer.answerWith(FEED, (request, response) => {
      setTimeout(() => feed.answer(request, response), 300);
    });
    const patient = makeVerifier().withApiTokens();
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, index) => patient.verify(issue({ jti: `t${index}` }))),
    );
    expect(tokens).toHaveLength(20);
  });

  it("are answered 503 where the feed is not for everybody, and no credentials are given", async () => {
    advertise({ revocation_feed_access: "client_secret_basic" });
    const both = makeVerifier().withApiTokens();
    await both.verify(issuer.issue());
    expect(await refusalOf(both.verify(issue()))).toMatchObject({ code: "unavailable" });
  });

  it("are asked about where that was chosen", async () => {
    advertise({ introspection_endpoint: `${issuer.url}/introspect` });
    let active = true;
    const asked: string[] = [];
    issuer.answerWith("/introspect", (request, response) => {
      void (async () => {
        asked.push(new URLSearchParams(await text(request)).get("token") ?? "");
        json(response, { active });
      })();
    });
    const revocation = { credentials: CREDENTIALS, onStale: "introspect" } as const;
    const both = makeVerifier({ revocation }).withApiTokens();
    await both.ready();
    issuer.answerWith(FEED, answerText(503, "{}"));
    feed.cut();
    clock.advance(60);
    const token = issue();
    await both.verify(token);
    expect(asked).toEqual([token]);
    active = false;
    expect(await refusalOf(both.verify(issue({ jti: "2" })))).toMatchObject({ reason: "revoked_by_introspection" });
  });
});

describe("the keys of API tokens", () => {
  it("are fetched when the first one comes, and a new one when it is needed; an issuer without them is said to have none", async () => {
    const verifier = makeVerifier();
    const both = verifier.withApiTokens();
    await both.verify(issuer.issue());
    expect(issuer.hits(API_TOKEN_KEYS)).toBe(0);
    await both.verify(issue());
    const next = generateSigningKey("ES256");
    publish([next, key]);
    clock.advance(30);
    await both.verify(formatApiToken(jwtOf({}, { signer: next })));
    await both.verify(issue());

    advertise({ api_token_jwks_uri: undefined });
    const other = makeVerifier();
    await other.ready();
    await expect(other.withApiTokens().ready()).rejects.toThrow("api_token_jwks_uri");
    expect(await refusalOf(other.withApiTokens().verify(issue()))).toMatchObject({ code: "unavailable" });
    await other.verify(issuer.issue());
  });

  it("are let go of with the verifier", async () => {
    const verifier = makeVerifier();
    const both = verifier.withApiTokens();
    await both.verify(issue());
    verifier.close();
    expect(await refusalOf(both.verify(issue()))).toMatchObject({ reason: "closed" });
  });
});

describe("reports of uses", () => {
  interface Report {
    readonly authorization: string | undefined;
    readonly uses: readonly (readonly [string, number])[];
  }

  function takeReports(answer: (attempt: number) => number = () => 204): Report[] {
    const reports: Report[] = [];
    issuer.answerWith(USES, (request, response) => {
      void (async () => {
        const { uses } = JSON.parse(await text(request)) as Report;
        reports.push({ authorization: request.headers.authorization, uses });
        response.writeHead(answer(reports.length)).end();
      })();
    });
    return reports;
  }

  const REPORTING = { revocation: { credentials: CREDENTIALS }, apiTokens: { reportUses: { everySeconds: 1 } } };

  it("name each token and the hour once, with credentials, and again in another hour", async () => {
    const reports = takeReports();
    const both = makeVerifier(REPORTING).withApiTokens();
    const hour = Math.floor(clock() / 3600);
    for (const jti of ["a", "b", "a", "a"]) await both.verify(issue({ jti }));
    await both.verify(issuer.issue());
    await both.verify(issue({ aud: "https://other.example.com" })).catch(() => undefined);
    await until(() => reports.length === 1, "a report came");
    expect(reports[0]?.uses).toEqual([
      ["a", hour],
      ["b", hour],
    ]);
    expect(reports[0]?.authorization).toBe(
      `Basic ${Buffer.from("api:a+secret+of+at+least+32+characters").toString("base64")}`,
    );

    await both.verify(issue({ jti: "a" }));
    clock.advance(3600);
    feed.beat();
    await until(() => (both.status().revocation.ageSeconds ?? 99) < 30, "the feed was heard again");
    await both.verify(issue({ jti: "b" }));
    await until(() => reports.length === 2, "another report came");
    expect(reports[1]?.uses).toEqual([["b", hour + 1]]);
  });

  it("that fail are made again, and no request waits for them or fails with them", async () => {
    const reports = takeReports((attempt) => (attempt === 1 ? 503 : 204));
    const both = makeVerifier(REPORTING).withApiTokens();
    await both.verify(issue({ jti: "a" }));
    await until(() => reports.length === 1, "the first attempt was made");
    await both.verify(issue({ jti: "b" }));
    await until(() => reports.length === 2, "the second attempt was made");
    expect(reports[1]?.uses.map(([id]) => id)).toEqual(["a", "b"]);
  });

  it("are not made unless they are asked for", async () => {
    const reports = takeReports();
    const both = makeVerifier({ revocation: { credentials: CREDENTIALS } }).withApiTokens();
    await both.verify(issue());
    await new Promise((resolve) => setTimeout(resolve, 1_400));
    expect(reports).toEqual([]);
  });
});

describe("the option apiTokens", () => {
  it.each<[string, object]>([
    ["without revocations", { revocation: false }],
    ["of another type", { apiTokens: "yes" }],
    ["null", { apiTokens: null }],
    ["with an unknown field", { apiTokens: { audience: "x" } }],
    ["with reports and no credentials", { apiTokens: { reportUses: true } }],
    [
      "with reports too often",
      { apiTokens: { reportUses: { everySeconds: 0 } }, revocation: { credentials: CREDENTIALS } },
    ],
    [
      "with reports of another shape",
      { apiTokens: { reportUses: { seconds: 1 } }, revocation: { credentials: CREDENTIALS } },
    ],
  ])("is refused %s", (_, options) => {
    expect(() => makeVerifier(options)).toThrow(/^apiTokens/);
  });
});
