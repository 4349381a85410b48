import { createHash, randomBytes } from "node:crypto";

import { expect } from "vitest";

import type { AuthServerOptions, ClientOptions } from "../../../src/index.ts";
import type { Answer, TestAuthority } from "../../authority.ts";
import { ISSUER, startAuthority } from "../../authority.ts";

export const API = "https://api.example.com";
export const SECRET = "a secret of at least thirty-two characters";
export const REDIRECT = "https://shop.example.com/cb";

/** A public client that may ask for all there is. */
export const SHOP: ClientOptions = {
  clientId: "shop",
  name: "Shop & Söhne",
  redirectUris: [REDIRECT],
  scopes: ["openid", "profile", "email", "offline_access", "orders:read", "orders:write"],
  audiences: [API, ISSUER],
  // Quicker to make than RSA keys.
  idTokenAlg: "ES256",
};

export const LEDGER: ClientOptions = {
  ...SHOP,
  clientId: "ledger",
  name: "Ledger",
  redirectUris: ["https://ledger.example.com/cb"],
  secret: SECRET,
};

export const OPTIONS: Partial<AuthServerOptions> = {
  audiences: [API],
  scopes: { allowed: ["orders:read", "orders:write"] },
  clients: [SHOP, LEDGER],
};

export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: string;
  readonly refresh_token: string;
  readonly scope: string;
  readonly expires_in: number;
  readonly id_token?: string;
  readonly refresh_token_timeout: number;
  readonly authorization_expires_in: number;
}

type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A code on its way to its client, and what redeems it. */
export interface WaitingCode {
  readonly code: string;
  readonly verifier: string;
  readonly answer: URL;
}

/** A browser and its user, with clients that send it to the authority. */
export interface OAuthWorld {
  readonly authority: TestAuthority;
  /** The user's first-party access token, for pages. */
  signIn(): Promise<string>;
  /** `GET /oauth/authorize` with a request that is good but for these changes. */
  authorize(changes?: Fields): Promise<Response & { readonly verifier: string }>;
  /** Asks the endpoint as the browser would, cookies and all. */
  visit(path: string, init?: RequestInit): Promise<Response>;
  /** The handle that an answer of the authorization endpoint sends the browser off with. */
  handleOf(answer: Response): string;
  decide(handle: string, decision: "allow" | "deny", token?: string, headers?: Record<string, string>): Promise<Answer>;
  /** All the way to a code. */
  obtainCode(changes?: Fields): Promise<WaitingCode>;
  /** A form to an endpoint of OAuth, without cookies. */
  post(path: string, fields: Fields, headers?: Record<string, string>): Promise<Answer>;
  redeem(waiting: WaitingCode, changes?: Fields, headers?: Record<string, string>): Promise<Answer>;
  refresh(refreshToken: string, changes?: Fields, headers?: Record<string, string>): Promise<Answer>;
  cookies: Map<string, string>;
}

export async function startOAuth(options: Partial<AuthServerOptions> = {}): Promise<OAuthWorld> {
  return oauthWorld(await startAuthority({ ...OPTIONS, ...options }));
}

export function oauthWorld(authority: TestAuthority): OAuthWorld {
  const cookies = new Map<string, string>();
  let token: string | undefined;

  const world: OAuthWorld = {
    authority,
    cookies,
    async signIn() {
      token = (await authority.signedIn()).access_token;
      return token;
    },

    async visit(path, init = {}) {
      const headers = new Headers(init.headers);
      if (cookies.size > 0) headers.set("Cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
      const answer = await authority.server.fetch(new Request(`${ISSUER}${path}`, { ...init, headers }));
      for (const cookie of answer.headers.getSetCookie()) {
        const [pair = ""] = cookie.split("; ");
        cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
      }
      return answer;
    },

    async authorize(changes = {}) {
      const verifier = randomBytes(32).toString("base64url");
      const query = formOf({
        response_type: "code",
        client_id: SHOP.clientId,
        redirect_uri: REDIRECT,
        code_challenge: createHash("sha256").update(verifier).digest("base64url"),
        code_challenge_method: "S256",
        scope: "openid orders:read",
        state: "a state",
        ...changes,
      });
      return Object.assign(await world.visit(`/oauth/authorize?${query}`), { verifier });
    },

    handleOf(answer) {
      const location = answer.headers.get("location") ?? "";
      expect(location).toContain(`${ISSUER}/oauth/interaction#request=`);
      return location.slice(location.indexOf("=") + 1);
    },

    async decide(handle, decision, accessToken, headers = {}) {
      const answer = await world.visit(`/oauth/interaction/${handle}`, {
        method: "POST",
        body: JSON.stringify({ decision }),
        headers: {
          "Content-Type": "application/json",
          Origin: ISSUER,
          ...(accessToken !== undefined && { Authorization: `Bearer ${accessToken}` }),
          ...headers,
        },
      });
      return { status: answer.status, headers: answer.headers, body: await answer.json() };
    },

    async obtainCode(changes) {
      token ??= await world.signIn();
      const answer = await world.authorize(changes);
      const decided = await world.decide(world.handleOf(answer), "allow", token);
      expect(decided.status, JSON.stringify(decided.body)).toBe(200);
      const url = new URL((decided.body as { redirect_to: string }).redirect_to);
      const code = url.searchParams.get("code");
      expect(code, url.href).not.toBeNull();
      return { code: code ?? "", verifier: answer.verifier, answer: url };
    },

    async post(path, fields, headers = {}) {
      return authority.call("POST", path, {
        text: String(formOf(fields)),
        headers: { "Content-Type": "application/x-www-form-urlencoded", ...headers },
      });
    },

    redeem: ({ code, verifier }, changes = {}, headers = {}) =>
      world.post(
        "/oauth/token",
        {
          grant_type: "authorization_code",
          code,
          code_verifier: verifier,
          redirect_uri: REDIRECT,
          client_id: SHOP.clientId,
          ...changes,
        },
        headers,
      ),

    refresh: (refreshToken, changes = {}, headers = {}) =>
      world.post(
        "/oauth/token",
        { grant_type: "refresh_token", refresh_token: refreshToken, client_id: SHOP.clientId, ...changes },
        headers,
      ),
  };
  return world;
}

function formOf(fields: Fields): URLSearchParams {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of typeof value === "string" ? [value] : (value ?? [])) form.append(name, one);
  }
  return form;
}

/** The tokens of an answer that must have succeeded. */
export function expectTokens(answer: Answer): TokenAnswer {
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as TokenAnswer;
}

export function basicOf(client: ClientOptions, secret: string = SECRET): { readonly Authorization: string } {
  const pair = [client.clientId, secret].map((part) => encodeURIComponent(part).replaceAll("%20", "+")).join(":");
  return { Authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** Asserts that a code or refresh token was refused, as every one is. */
export function expectInvalidGrant(answer: Answer): void {
  expect(answer).toMatchObject({
    status: 400,
    body: { error: "invalid_grant", error_description: "The grant is invalid, expired or revoked." },
  });
  expect(answer.headers.get("cache-control")).toBe("no-store");
}
