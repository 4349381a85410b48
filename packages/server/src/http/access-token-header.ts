import { parseAuthorization } from "@latchkey/protocol";

import { AuthError } from "../errors.ts";
import type { SignedIn } from "../flows/identify.ts";
import { identify } from "../flows/identify.ts";
import type { Exchange } from "./exchange.ts";

/** Who calls, by the access token in `Authorization`. Tokens anywhere else, in the query above all, are not looked at. */
export async function requireSignedIn({ request, http }: Exchange): Promise<SignedIn> {
  const authorization = parseAuthorization(request.headers.get("authorization"));
  if (authorization.kind === "none") throw new AuthError("missing_token");
  if (authorization.kind === "malformed") {
    throw new AuthError("invalid_request", { description: "Authorization: must hold exactly one token." });
  }
  // Proofs of possession are not checked here: what asks to be bound to a key must not pass without one.
  if (authorization.scheme !== "Bearer") throw new AuthError("invalid_token");
  return identify(http, authorization.token);
}
