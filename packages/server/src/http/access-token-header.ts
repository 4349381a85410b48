import { parseAuthorization } from "@latchkey/protocol";

import { AuthError } from "../errors.ts";
import type { PresentedAccessToken, SignedIn } from "../flows/identify.ts";
import { identify } from "../flows/identify.ts";
import { readProof } from "./dpop-proof-header.ts";
import type { Exchange } from "./exchange.ts";
import { findCookieHolder } from "./session-cookie.ts";

/**
 * Who calls, by the access token in `Authorization`, or, without one, by an opaque session cookie. Tokens anywhere else, in
 * the query above all, are not looked at.
 */
export async function requireSignedIn(exchange: Exchange): Promise<SignedIn> {
  const authorization = parseAuthorization(exchange.request.headers.get("authorization"));
  if (authorization.kind === "none") {
    const holder = await findCookieHolder(exchange);
    if (holder === undefined) throw new AuthError("missing_token");
    return holder;
  }
  return identifyBy(exchange, (presented) => identify(exchange.http, presented));
}

/**
 * Who calls, by the access token in `Authorization` alone, as somebody else identifies them.
 *
 * @throws AuthError `missing_token`, `invalid_request` for two tokens
 */
export async function identifyBy<Who>(
  exchange: Exchange,
  identifyHolder: (presented: PresentedAccessToken) => Promise<Who>,
): Promise<Who> {
  const authorization = parseAuthorization(exchange.request.headers.get("authorization"));
  if (authorization.kind === "none") throw new AuthError("missing_token");
  if (authorization.kind === "malformed") {
    throw new AuthError("invalid_request", { description: "Authorization: must hold exactly one token." });
  }
  const { scheme, token } = authorization;
  if (scheme === "Bearer") return identifyHolder({ accessToken: token, proof: undefined });
  try {
    const proof = readProof(exchange, token);
    if (proof === undefined) throw new AuthError("invalid_dpop_proof");
    return await identifyHolder({ accessToken: token, proof });
  } catch (error) {
    throw error instanceof AuthError
      ? new AuthError(error.code, { ...error.details, scheme }, { cause: error })
      : error;
  }
}
