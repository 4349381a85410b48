import { createHash, randomBytes } from "node:crypto";

import { describe, expect, it } from "vitest";

import type { Answer } from "../../authority.ts";
import { expectRefusal } from "../../authority.ts";
import { createDpopClient } from "../../dpop-client.ts";
import type { OAuthWorld } from "./oauth-world.ts";
import { basicOf, expectInvalidGrant, expectTokens, LEDGER, REDIRECT, SECRET, startOAuth } from "./oauth-world.ts";

const THREE = { points: 3, windowSeconds: 60 };

function expectLimited(answer: Answer): void {
  expectRefusal(answer, 429, "rate_limited");
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(Number(answer.headers.get("retry-after"))).toBeLessThanOrEqual(60);
}

const push = (world: OAuthWorld, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  world.post(
    "/oauth/par",
    {
      response_type: "code",
      code_challenge: createHash("sha256").update(randomBytes(32)).digest("base64url"),
      code_challenge_method: "S256",
      scope: "openid",
      ...fields,
    },
    headers,
  );

describe("pushed requests", () => {
  it("in a public client's name are bounded for one network: past that no proof is remembered", async () => {
    const world = await startOAuth({ rateLimits: { pushedRequestsPerNetwork: THREE } });
    const client = await createDpopClient(world.authority.now);
    const asShop = { client_id: "shop", redirect_uri: REDIRECT };
    for (let count = 0; count < 3; count++) {
      expect((await push(world, asShop, await client.prove("POST", "/oauth/par"))).status).toBe(201);
    }
    const proof = await client.prove("POST", "/oauth/par");
    expectLimited(await push(world, asShop, proof));
    expectLimited(await push(world, asShop, proof));
    // It has not counted: on a node that counts for itself it is good.
    const beside = await world.authority.beside();
    const answer = await beside.call("POST", "/oauth/par", {
      text: new URLSearchParams({
        ...asShop,
        response_type: "code",
        code_challenge: "x".repeat(43),
        code_challenge_method: "S256",
      }).toString(),
      headers: { "Content-Type": "application/x-www-form-urlencoded", ...proof },
    });
    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  });

  it("of a client that proves who it is are not: its server speaks for all its users", async () => {
    const world = await startOAuth({ rateLimits: { pushedRequestsPerNetwork: THREE } });
    const redirect_uri = "https://ledger.example.com/cb";
    for (let count = 0; count < 5; count++) {
      expect((await push(world, { redirect_uri }, basicOf(LEDGER))).status).toBe(201);
    }
  });

  it("may be 300 in ten minutes where nothing else is said, and any number where there are no limits", async () => {
    const asShop = { client_id: "shop", redirect_uri: REDIRECT };
    const statuses = async (world: OAuthWorld): Promise<readonly number[]> => {
      const answers = await Promise.all(Array.from({ length: 301 }, () => push(world, asShop)));
      return answers.map(({ status }) => status).toSorted((one, other) => one - other);
    };
    expect((await statuses(await startOAuth())).slice(-2)).toEqual([201, 429]);
    expect((await statuses(await startOAuth({ rateLimits: false }))).at(-1)).toBe(201);
  });
});

describe("failures of clients", () => {
  const refused = (world: OAuthWorld, headers: Record<string, string>): Promise<Answer> =>
    world.post("/oauth/token", { grant_type: "refresh_token", refresh_token: "x" }, headers);
  const wrong = (clientId: string) => basicOf({ ...LEDGER, clientId }, `${SECRET}x`);

  it("are answered 429 past the limit, each client's apart, and the right secret is taken all the same", async () => {
    const world = await startOAuth({ rateLimits: { clientFailuresPerNetwork: THREE } });
    for (let count = 0; count < 3; count++) expectRefusal(await refused(world, wrong("x")), 401, "invalid_client");
    expectLimited(await refused(world, wrong("another name that nobody has")));
    for (let count = 0; count < 3; count++) expectRefusal(await refused(world, wrong("ledger")), 401, "invalid_client");
    expectLimited(await refused(world, wrong("ledger")));
    expectLimited(await world.post("/oauth/revoke", { token: "x" }, wrong("ledger")));
    expectInvalidGrant(await refused(world, basicOf(LEDGER)));
  });

  it("of one network are none of another's", async () => {
    const world = await startOAuth({ rateLimits: { clientFailuresPerNetwork: { points: 1, windowSeconds: 60 } } });
    const statusFrom = async (remoteAddress: string): Promise<number> => {
      const request = new Request(`${world.authority.server.issuer}/oauth/token`, {
        method: "POST",
        body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: "x" }),
        headers: wrong("ledger"),
      });
      return (await world.authority.server.fetch(request, { remoteAddress })).status;
    };
    expect(await statusFrom("198.51.100.1")).toBe(401);
    expect(await statusFrom("198.51.100.1")).toBe(429);
    expect(await statusFrom("198.51.100.2")).toBe(401);
  });

  it("codes that are none count for a public client, unknown ones and wrong verifiers alike; the right one is redeemed", async () => {
    const world = await startOAuth({ rateLimits: { clientFailuresPerNetwork: THREE } });
    const waiting = await world.obtainCode();
    const wrongVerifier = { ...waiting, verifier: "x".repeat(43) };
    expectInvalidGrant(await world.redeem({ ...waiting, code: "unknown" }));
    expectInvalidGrant(await world.redeem(wrongVerifier));
    expectInvalidGrant(await world.redeem(wrongVerifier));
    expectLimited(await world.redeem(wrongVerifier));
    expectLimited(await world.redeem({ ...waiting, code: "unknown" }));
    expectTokens(await world.redeem(waiting));
  });

  it("codes do not count for a client that proves who it is, nor refresh tokens for any", async () => {
    const world = await startOAuth({ rateLimits: { clientFailuresPerNetwork: THREE } });
    const waiting = { ...(await world.obtainCode()), code: "unknown" };
    for (let count = 0; count < 5; count++) {
      expectInvalidGrant(await world.redeem(waiting, { client_id: undefined }, basicOf(LEDGER)));
      expectInvalidGrant(await world.refresh("x"));
    }
  });
});
