import { SignJWT, generateKeyPair } from "jose";
import { describe, expect, it } from "vitest";

import { ISSUER } from "../../authority.ts";
import type { OAuthWorld, TokenAnswer } from "./oauth-world.ts";
import { expectInvalidGrant, expectTokens, LEDGER, SHOP, startOAuth } from "./oauth-world.ts";

const BYE = "https://shop.example.com/bye";

async function start() {
  const world = await startOAuth({ clients: [{ ...SHOP, postLogoutRedirectUris: [BYE, `${BYE}?x=1`] }, LEDGER] });
  return { world, tokens: expectTokens(await world.redeem(await world.obtainCode())) };
}

const logOut = (world: OAuthWorld, query: Record<string, string>) =>
  world.visit(`/oauth/logout?${new URLSearchParams(query).toString()}`);

async function expectAlive(world: OAuthWorld, { refresh_token }: TokenAnswer): Promise<void> {
  expectTokens(await world.refresh(refresh_token));
}

describe("LO-01: signing out from a client", () => {
  it("LO-05: ends its session, tokens and all, and sends the browser back with the state", async () => {
    const { world, tokens } = await start();
    const other = expectTokens(await world.redeem(await world.obtainCode()));
    const query = { id_token_hint: tokens.id_token ?? "", post_logout_redirect_uri: BYE, state: "a&b" };
    const answer = await logOut(world, query);
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe(`${BYE}?state=a%26b`);
    expectInvalidGrant(await world.refresh(tokens.refresh_token));
    expect((await world.authority.call("GET", "/oauth/userinfo", { token: tokens.access_token })).status).toBe(401);
    await expectAlive(world, other);
    // Once more does no harm.
    expect((await logOut(world, query)).status).toBe(303);
  });

  it("is done by a form as well, and with an ID token that has expired", async () => {
    const { world, tokens } = await start();
    world.authority.advance(3_600);
    const body = new URLSearchParams({
      id_token_hint: tokens.id_token ?? "",
      client_id: "shop",
      post_logout_redirect_uri: `${BYE}?x=1`,
      state: "s",
    });
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const answer = await world.visit("/oauth/logout", { method: "POST", body: String(body), headers });
    expect(answer.headers.get("location")).toBe(`${BYE}?x=1&state=s`);
    expectInvalidGrant(await world.refresh(tokens.refresh_token));
  });

  it("shows that it is done where there is nowhere to go", async () => {
    const { world, tokens } = await start();
    const answer = await logOut(world, { id_token_hint: tokens.id_token ?? "" });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("You are signed out");
    expectInvalidGrant(await world.refresh(tokens.refresh_token));
  });

  it.each<readonly [string, (tokens: TokenAnswer) => Record<string, string>]>([
    ["no ID token", () => ({ post_logout_redirect_uri: BYE })],
    ["no ID token, but a client", () => ({ client_id: "shop", post_logout_redirect_uri: BYE })],
    ["an access token", ({ access_token }) => ({ id_token_hint: access_token })],
    ["a refresh token", ({ refresh_token }) => ({ id_token_hint: refresh_token })],
    ["a changed one", ({ id_token }) => ({ id_token_hint: `${id_token?.slice(0, -4)}AAAA` })],
    ["another client's name", ({ id_token = "" }) => ({ id_token_hint: id_token, client_id: "ledger" })],
    ["another address", ({ id_token = "" }) => ({ id_token_hint: id_token, post_logout_redirect_uri: `${BYE}/` })],
    [
      "an address of evil",
      ({ id_token = "" }) => ({ id_token_hint: id_token, post_logout_redirect_uri: "https://evil.example/" }),
    ],
    [
      "a redirect URI",
      ({ id_token = "" }) => ({ id_token_hint: id_token, post_logout_redirect_uri: "https://shop.example.com/cb" }),
    ],
  ])("F-06: ends nothing and redirects nowhere with %s", async (_, queryOf) => {
    const { world, tokens } = await start();
    const answer = await logOut(world, queryOf(tokens));
    expect(answer.status).toBe(400);
    expect(answer.headers.get("location")).toBeNull();
    expect(await answer.text()).not.toContain("evil.example");
    await expectAlive(world, tokens);
  });

  it("takes no ID token that another has signed", async () => {
    const { world, tokens } = await start();
    const { privateKey } = await generateKeyPair("ES256");
    const [header = "", payload = ""] = (tokens.id_token ?? "").split(".");
    const parse = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
    const forged = await new SignJWT(parse(payload))
      .setProtectedHeader({ ...parse(header), alg: "ES256" })
      .sign(privateKey);
    expect((await logOut(world, { id_token_hint: forged })).status).toBe(400);
    await expectAlive(world, tokens);
  });

  it("is told of in the metadata", async () => {
    const { world } = await start();
    const { body } = await world.authority.call("GET", "/.well-known/openid-configuration");
    expect(body).toMatchObject({ end_session_endpoint: `${ISSUER}/oauth/logout` });
  });
});
