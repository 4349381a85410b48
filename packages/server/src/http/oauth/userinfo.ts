import { scopesOf } from "../../domain/scope.ts";
import { AuthError } from "../../errors.ts";
import { identifyFor } from "../../flows/identify.ts";
import { identifyBy } from "../access-token-header.ts";
import { jsonAnswer } from "../answers.ts";
import type { Answer, Exchange } from "../exchange.ts";
import { requireOAuth } from "./oauth-face.ts";

/** What a client may know of the user (OpenID Connect Core §5.3): by the scope that the token itself has. */
export async function getUserinfo(exchange: Exchange): Promise<Answer> {
  const { clients } = requireOAuth(exchange.http);
  const { who, token } = await identifyBy(exchange, (presented) =>
    identifyFor(exchange.http, presented, (clientId) => clients.find(clientId) !== undefined),
  );
  const scopes = scopesOf(token.claims.scope);
  if (!scopes.includes("openid")) {
    const scheme = token.jkt === null ? {} : ({ scheme: "DPoP" } as const);
    throw new AuthError("insufficient_scope", { scope: "openid", ...scheme });
  }
  const { user } = who;
  return jsonAnswer(200, {
    sub: user.id,
    ...(scopes.includes("profile") && user.name !== null && { name: user.name }),
    ...(scopes.includes("email") && { email: user.email, email_verified: user.emailVerified }),
  });
}
