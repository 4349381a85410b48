import { z } from "zod";

import type { OAuthClient } from "../../domain/oauth-client.ts";
import { isRedirectUriOf } from "../../domain/oauth-client.ts";
import { AuthError } from "../../errors.ts";
import type { AskedAuthorization } from "../../flows/allow-authorization.ts";
import { allowAuthorization } from "../../flows/allow-authorization.ts";
import { requireSignedIn } from "../access-token-header.ts";
import { jsonAnswer } from "../answers.ts";
import type { Answer, Exchange, Handler } from "../exchange.ts";
import { jsonBody, taking } from "../request-body.ts";
import { requireAllowedOrigin } from "../trusted-origin.ts";
import { answerUrl, refusalUrl } from "./authorization-answers.ts";
import type { PendingAuthorization } from "./authorize.ts";
import { isOfBrowser } from "./browser-binding.ts";
import type { OAuthFace } from "./oauth-face.ts";
import { requireOAuth } from "./oauth-face.ts";

/** What a page tells the user: who asks, and for what. It is no secret to the browser that began the request. */
export async function getInteraction(exchange: Exchange): Promise<Answer> {
  const { http } = exchange;
  const oauth = requireOAuth(http);
  const { pending, client } = openPending(exchange, oauth);
  const { request, requestedAt, expiresAt } = pending;
  return jsonAnswer(200, {
    client: { id: client.id, name: client.name },
    // A client that says so has the user asked, whatever is set for it (OpenID Connect Core §3.1.2.1).
    consent: request.isConsentNeeded ? "ask" : client.consent,
    scope: request.scope,
    resource: request.audience,
    ...(request.loginHint !== undefined && { login_hint: request.loginHint }),
    // A sign-in from before is too old: of this age, or of before the request.
    ...(request.maxAgeSeconds !== undefined && { max_age: request.maxAgeSeconds }),
    ...(request.isFreshSignInNeeded && { signed_in_after: requestedAt }),
    expires_in: expiresAt - http.clock(),
  });
}

const decisionSchema = z.strictObject({ decision: z.enum(["allow", "deny"]) });

/** What the user decided, and where the browser goes with it. Who denies need not sign in for it. */
export const postInteraction: Handler = taking(jsonBody(decisionSchema), async (exchange, readBody) => {
  const { http, origin } = exchange;
  const oauth = requireOAuth(http);
  const { pending } = openPending(exchange, oauth);
  const { decision } = await readBody();
  const asked: AskedAuthorization = { ...pending, handle: exchange.params["handle"] ?? "" };
  const { request } = pending;
  const denied = { error: "access_denied", description: "The user has not allowed it." } as const;
  // Nothing is written for it: anybody may begin a request and deny it, as often as they like.
  if (decision === "deny") return jsonAnswer(200, { redirect_to: refusalUrl(http, request, denied) });
  const who = await requireSignedIn(exchange);
  const byBearerToken = exchange.request.headers.has("authorization") && who.session.jkt === null;
  const code = await allowAuthorization(http, who, { asked, byBearerToken, origin });
  if (code === undefined) return jsonAnswer(200, { redirect_to: refusalUrl(http, request, denied) });
  // When it is over says the row of the session that waits for it.
  const sealed = oauth.notes.seal("authorization-code", code, null);
  return jsonAnswer(200, { redirect_to: answerUrl(http, request, { code: sealed }) });
});

/**
 * The request that a page asks about: from a page of an allowed origin, in the browser that began it.
 *
 * @throws AuthError `origin_not_allowed`, `not_found`
 */
function openPending(
  exchange: Exchange,
  oauth: OAuthFace,
): { readonly pending: PendingAuthorization; readonly client: OAuthClient } {
  requireAllowedOrigin(exchange);
  const opened = oauth.notes.open("authorization-request", exchange.params["handle"] ?? "");
  const pending = opened as PendingAuthorization | undefined;
  if (pending === undefined || !isOfBrowser(exchange, oauth, pending.browser)) throw new AuthError("not_found");
  const { clientId, redirectUri } = pending.request;
  const client = oauth.clients.find(clientId);
  // The configuration may have changed since.
  if (client === undefined || !isRedirectUriOf(client, redirectUri)) throw new AuthError("not_found");
  return { pending, client };
}
