import { parseAuthorization } from "@latchkey/protocol";

import { AuthError } from "../errors.ts";
import type { SignedIn } from "../flows/identify.ts";
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
  if (authorization.kind === "malformed") {
    throw new AuthError("invalid_request", { description: "Authorization: must hold exactly one token." });
  }
  const { scheme, token } = authorization;
  if (scheme === "Bearer") return identify(exchange.http, { accessToken: token, proof: undefined });
  try {
    const proof = readProof(exchange, token);
    if (proof === undefined) throw new AuthError("invalid_dpop_proof");
    return await identify(exchange.http, { accessToken: token, proof });
  } catch (error) {
    throw error instanceof AuthError
      ? new AuthError(error.code, { ...error.details, scheme }, { cause: error })
      : error;
  }
}
