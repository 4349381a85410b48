import { z } from "zod";

import type { OAuthClient } from "../../domain/oauth-client.ts";
import { AuthError } from "../../errors.ts";
import type { AuthorizationCode } from "../../flows/allow-authorization.ts";
import { redeemCode } from "../../flows/redeem-code.ts";
import { refresh } from "../../flows/refresh.ts";
import type { SessionGrant } from "../../flows/session-grant.ts";
import type { ProofOfPossession } from "../../tokens/dpop-proof.ts";
import { jsonAnswer } from "../answers.ts";
import { readProof } from "../dpop-proof-header.ts";
import type { Answer, Exchange, Handler, HttpContext } from "../exchange.ts";
import { formBody, taking } from "../request-body.ts";
import { CLIENT_FORM, requireClient } from "./client-authentication.ts";
import type { OAuthFace } from "./oauth-face.ts";
import { requireOAuth } from "./oauth-face.ts";
import { asTokenRefusal } from "./oauth-refusal.ts";

const optional = z.string().optional();

const tokenForm = z.object({
  grant_type: z.string(),
  code: optional,
  code_verifier: optional,
  redirect_uri: optional,
  refresh_token: optional,
  scope: optional,
  resource: optional,
  ...CLIENT_FORM,
});

type TokenForm = z.infer<typeof tokenForm>;

/** RFC 7636 §4.1. */
const CODE_VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/** A token request of a client that has proved itself. */
interface TokenRequest {
  readonly exchange: Exchange;
  readonly oauth: OAuthFace;
  readonly client: OAuthClient;
  readonly form: TokenForm;
  readonly proof: ProofOfPossession | undefined;
}

/** The token endpoint (OAuth 2.1 §3.2). It reads no cookie: what a browser sends of itself means nothing here. */
export const postToken: Handler = taking(formBody(tokenForm), async (exchange, readBody) => {
  const { http } = exchange;
  const oauth = requireOAuth(http);
  const form = await readBody();
  const client = await requireClient(exchange, oauth, form);
  const proof = readProof(exchange);
  if (client.mustProve && proof === undefined) throw new AuthError("invalid_dpop_proof");
  try {
    return tokenAnswer(http, await grantFor({ exchange, oauth, client, form, proof }));
  } catch (error) {
    throw asTokenRefusal(error);
  }
});

async function grantFor(asked: TokenRequest): Promise<SessionGrant> {
  switch (asked.form.grant_type) {
    case "authorization_code":
      return byCode(asked);
    case "refresh_token":
      return byRefreshToken(asked);
    default:
      throw new AuthError("unsupported_grant_type");
  }
}

/**
 * Codes that are none are counted, of a public client. A confidential one's users all come from its server's address: whoever has it
 * send such codes would have theirs refused.
 */
async function byCode(asked: TokenRequest): Promise<SessionGrant> {
  const { client, exchange } = asked;
  try {
    return await redeem(asked);
  } catch (error) {
    if (client.authentication === "none" && error instanceof AuthError && error.code === "invalid_grant") {
      await exchange.http.attemptLimits.afterClientFailure({ clientId: client.id, ip: exchange.origin.ip });
    }
    throw error;
  }
}

async function redeem({ exchange, oauth, client, form, proof }: TokenRequest): Promise<SessionGrant> {
  const code = oauth.notes.open("authorization-code", required(form.code, "code")) as AuthorizationCode | undefined;
  const codeVerifier = required(form.code_verifier, "code_verifier");
  if (code === undefined || !CODE_VERIFIER.test(codeVerifier)) throw new AuthError("invalid_grant");
  const { http, origin } = exchange;
  const { redirect_uri: redirectUri, resource } = form;
  return redeemCode(http, { code, client, codeVerifier, redirectUri, resource, proof, origin });
}

/** Rotation as for your own apps; without attempt keys, which OAuth does not know, proofs or a short while tell a retry. */
async function byRefreshToken({ exchange, client, form, proof }: TokenRequest): Promise<SessionGrant> {
  const refreshToken = required(form.refresh_token, "refresh_token");
  // From before the client had to: a proof that came along would bind nothing.
  if (client.mustProve && (await exchange.http.refreshTokens.read(refreshToken))?.jkt === null) {
    throw new AuthError("invalid_grant");
  }
  return refresh(exchange.http, {
    refreshToken,
    attemptKeys: [],
    proof,
    clientIds: [client.id],
    origin: exchange.origin,
    narrowed: { scope: form.scope, resource: form.resource },
  });
}

function tokenAnswer(http: HttpContext, grant: SessionGrant): Answer {
  const { session, accessToken, refreshToken, idToken } = grant;
  const now = http.clock();
  return jsonAnswer(200, {
    access_token: accessToken,
    token_type: session.jkt === null ? "Bearer" : "DPoP",
    expires_in: Math.max(0, grant.accessTokenExpiresAt - now),
    refresh_token: refreshToken,
    scope: session.scope,
    ...(idToken !== undefined && { id_token: idToken }),
    refresh_token_timeout: session.idleExpiresAt - now,
    authorization_expires_in: session.expiresAt - now,
  });
}

function required(value: string | undefined, name: string): string {
  if (value === undefined) throw new AuthError("invalid_request", { description: `${name}: is missing.` });
  return value;
}
