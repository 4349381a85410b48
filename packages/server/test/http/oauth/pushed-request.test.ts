import { createHash, randomBytes } from "node:crypto";

import { describe, expect, it } from "vitest";

import { expectRefusal, ISSUER } from "../../authority.ts";
import { createDpopClient } from "../../dpop-client.ts";
import type { OAuthWorld } from "./oauth-world.ts";
import {
  basicOf,
  expectInvalidGrant,
  LEDGER,
  oauthWorld,
  REDIRECT,
  SHOP,
  startOAuth,
  expectTokens,
} from "./oauth-world.ts";

type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

async function push(world: OAuthWorld, changes: Fields = {}, headers: Record<string, string> = {}) {
  const verifier = randomBytes(32).toString("base64url");
  const answer = await world.post(
    "/oauth/par",
    {
      response_type: "code",
      client_id: "shop",
      redirect_uri: REDIRECT,
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      scope: "openid",
      state: "pushed",
      ...changes,
    },
    headers,
  );
  return { answer, verifier, requestUri: (answer.body as { request_uri: string }).request_uri };
}

const visit = (world: OAuthWorld, client_id: string, request_uri: string, more: Record<string, string> = {}) =>
  world.visit(`/oauth/authorize?${new URLSearchParams({ client_id, request_uri, ...more })}`);

describe("AZ-11, F-08: a pushed request", () => {
  it("is answered with a name for it, and is what is asked, whatever the browser adds", async () => {
    const world = await startOAuth();
    const { answer, requestUri, verifier } = await push(world);
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:/),
      expires_in: 60,
    });
    expect(Buffer.from(requestUri.split(":").at(-1) ?? "", "base64url").toString("latin1")).not.toContain("pushed");

    const visited = await visit(world, "shop", requestUri, {
      redirect_uri: "https://evil.example/cb",
      scope: "openid orders:write",
      state: "changed",
      code_challenge: "x".repeat(43),
    });
    const token = await world.signIn();
    const decided = await world.decide(world.handleOf(visited), "allow", token);
    const url = new URL((decided.body as { redirect_to: string }).redirect_to);
    expect(url.href.startsWith(REDIRECT)).toBe(true);
    expect(url.searchParams.get("state")).toBe("pushed");
    const code = url.searchParams.get("code") ?? "";
    expect(expectTokens(await world.redeem({ code, verifier, answer: url })).scope).toBe("openid");
  });

  it("counts once, for a minute, and for its client", async () => {
    const world = await startOAuth();
    const { requestUri } = await push(world);
    expect((await visit(world, "ledger", requestUri)).status).toBe(400);
    expect((await visit(world, "shop", requestUri)).status).toBe(303);
    expect((await visit(world, "shop", requestUri)).status).toBe(400);
    const late = await push(world);
    world.authority.advance(60);
    const answer = await visit(world, "shop", late.requestUri);
    expect(answer.status).toBe(400);
    expect(answer.headers.get("location")).toBeNull();
  });

  it.each<readonly [Fields, string]>([
    [{ request_uri: "urn:ietf:params:oauth:request_uri:x" }, "invalid_request"],
    [{ redirect_uri: "https://evil.example/cb" }, "invalid_request"],
    [{ code_challenge: undefined }, "invalid_request"],
    [{ client_id: ["shop", "shop"] }, "invalid_request"],
    [{ scope: "admin" }, "invalid_scope"],
    [{ resource: "https://other.example.com" }, "invalid_target"],
    [{ response_type: "token" }, "unsupported_response_type"],
  ])("is refused where the same request would be: %j is %s", async (changes, error) => {
    const world = await startOAuth();
    const { answer } = await push(world, changes);
    expect(answer).toMatchObject({ status: 400, body: { error } });
  });

  it("is taken from who proves itself", async () => {
    const world = await startOAuth();
    const redirect_uri = "https://ledger.example.com/cb";
    expectRefusal((await push(world, { client_id: "ledger", redirect_uri })).answer, 401, "invalid_client");
    expectRefusal((await push(world, { client_id: "nobody" })).answer, 401, "invalid_client");
    expect((await push(world, { client_id: "ledger", redirect_uri }, basicOf(LEDGER))).answer.status).toBe(201);
  });

  it("AZ-12: is the only one of a client that must push", async () => {
    const world = await startOAuth({ clients: [{ ...SHOP, requirePushedAuthorizationRequests: true }] });
    const plain = await world.authorize();
    expect(new URL(plain.headers.get("location") ?? "").searchParams.get("error")).toBe("invalid_request");
    expect((await visit(world, "shop", (await push(world)).requestUri)).status).toBe(303);
  });
});

describe("DP-06: a code is bound to a key", () => {
  async function world() {
    const started = await startOAuth();
    const { now } = started.authority;
    return { world: started, client: await createDpopClient(now), thief: await createDpopClient(now) };
  }

  it("that the request names: stolen, it is of no use without that key", async () => {
    const { world: started, client, thief } = await world();
    const waiting = await started.obtainCode({ dpop_jkt: client.jkt });
    expectInvalidGrant(await started.redeem(waiting));
    expectInvalidGrant(await started.redeem(waiting, {}, await thief.prove("POST", "/oauth/token")));
    const tokens = expectTokens(await started.redeem(waiting, {}, await client.prove("POST", "/oauth/token")));
    expect(tokens.token_type).toBe("DPoP");
  });

  it("that was proved when the request was pushed; both must agree", async () => {
    const { world: started, client, thief } = await world();
    const proof = await client.prove("POST", "/oauth/par");
    expectRefusal((await push(started, { dpop_jkt: thief.jkt }, proof)).answer, 400, "invalid_dpop_proof");
    expect((await push(started, { dpop_jkt: client.jkt }, proof)).answer.status).toBe(201);
    expectRefusal((await push(started, {}, proof)).answer, 400, "invalid_dpop_proof");

    const { requestUri, verifier } = await push(started, {}, await client.prove("POST", "/oauth/par"));
    const handle = started.handleOf(await visit(started, "shop", requestUri));
    const decided = await started.decide(handle, "allow", await started.signIn());
    const answer = new URL((decided.body as { redirect_to: string }).redirect_to);
    const waiting = { code: answer.searchParams.get("code") ?? "", verifier, answer };
    expectInvalidGrant(await started.redeem(waiting, {}, await thief.prove("POST", "/oauth/token")));
    expectTokens(await started.redeem(waiting, {}, await client.prove("POST", "/oauth/token")));
  });

  it("DP-05: else its tokens are bound to the key it is redeemed with, the refresh token, too", async () => {
    const { world: started, client, thief } = await world();
    const tokens = expectTokens(
      await started.redeem(await started.obtainCode(), {}, await client.prove("POST", "/oauth/token")),
    );
    expect(tokens.token_type).toBe("DPoP");
    const { refresh_token } = tokens;
    expectRefusal(await started.refresh(refresh_token), 400, "invalid_dpop_proof");
    expectInvalidGrant(await started.refresh(refresh_token, {}, await thief.prove("POST", "/oauth/token")));
    const next = expectTokens(await started.refresh(refresh_token, {}, await client.prove("POST", "/oauth/token")));
    // A bound token is no bearer token (G-04), and its proof is for this request.
    const asBearer = await started.authority.call("GET", "/oauth/userinfo", { token: next.access_token });
    expectRefusal(asBearer, 401, "invalid_token");
    const headers = await client.authorize("GET", "/oauth/userinfo", next.access_token);
    expect((await started.authority.call("GET", "/oauth/userinfo", { headers })).status).toBe(200);
    expectRefusal(await started.authority.call("GET", "/oauth/userinfo", { headers }), 401, "invalid_dpop_proof");
    // Lost in transit, the answer is given again to the same key.
    const again = expectTokens(await started.refresh(refresh_token, {}, await client.prove("POST", "/oauth/token")));
    expect(again.refresh_token).toBe(next.refresh_token);
  });

  it("G-01: by a proof that counts once, and is kept where the code is refused", async () => {
    const { world: started, client } = await world();
    const waiting = await started.obtainCode();
    const proof = await client.prove("POST", "/oauth/token");
    expectInvalidGrant(await started.redeem(waiting, { code_verifier: "v".repeat(43) }, proof));
    expectTokens(await started.redeem(waiting, {}, proof));
    expectRefusal(await started.redeem(await started.obtainCode(), {}, proof), 400, "invalid_dpop_proof");
  });

  it("DP-03: with a nonce where one is asked for", async () => {
    const started = await startOAuth({ dpop: { nonce: "required" } });
    const client = await createDpopClient(started.authority.now);
    const waiting = await started.obtainCode();
    const asked = await started.redeem(waiting, {}, await client.prove("POST", "/oauth/token"));
    expectRefusal(asked, 400, "use_dpop_nonce");
    const claims = { nonce: asked.headers.get("dpop-nonce") };
    expectTokens(await started.redeem(waiting, {}, await client.prove("POST", "/oauth/token", { claims })));
  });

  it("where the client must: without a proof it gets nothing", async () => {
    const started = await startOAuth({ clients: [{ ...SHOP, dpopBoundAccessTokens: true }] });
    const client = await createDpopClient(started.authority.now);
    const waiting = await started.obtainCode();
    expectRefusal(await started.redeem(waiting), 400, "invalid_dpop_proof");
    const { refresh_token } = expectTokens(
      await started.redeem(waiting, {}, await client.prove("POST", "/oauth/token")),
    );
    expectTokens(await started.refresh(refresh_token, {}, await client.prove("POST", "/oauth/token")));
  });

  it("DP-05: where the client must, also of a session from before: its tokens are bound to nothing", async () => {
    const { world: before, client } = await world();
    const { refresh_token } = expectTokens(await before.redeem(await before.obtainCode()));
    const clients = [{ ...SHOP, dpopBoundAccessTokens: true }];
    const after = oauthWorld(await before.authority.restart({ clients }));
    expectRefusal(await after.refresh(refresh_token), 400, "invalid_dpop_proof");
    expectInvalidGrant(await after.refresh(refresh_token, {}, await client.prove("POST", "/oauth/token")));
  });
});

it("a code names its issuer, so that a client tells whose it is (AZ-05, F-04)", async () => {
  const world = await startOAuth();
  const { answer } = await world.obtainCode();
  expect(answer.searchParams.getAll("iss")).toEqual([ISSUER]);
});
