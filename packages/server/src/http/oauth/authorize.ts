import type { AuthorizationRequest } from "../../domain/authorization-request.ts";
import { findAnswerAddress, judgeAuthorizationRequest } from "../../domain/authorization-request.ts";
import type { OAuthClient } from "../../domain/oauth-client.ts";
import { AuthError } from "../../errors.ts";
import { claimOnce } from "../../flows/claim-once.ts";
import { withCookies } from "../answers.ts";
import type { Answer, Exchange, Handler } from "../exchange.ts";
import { readForm } from "../form-body.ts";
import { formBody, taking } from "../request-body.ts";
import { AUTHORIZATION_FORM } from "./authorization-form.ts";
import { redirectAnswer, refusalUrl } from "./authorization-answers.ts";
import { bindBrowser, hasNamedBrowser, REQUEST_LIFETIME_SECONDS } from "./browser-binding.ts";
import { faultPage } from "./fault-page.ts";
import type { OAuthFace } from "./oauth-face.ts";
import { requireOAuth } from "./oauth-face.ts";
import { openPushedRequest } from "./pushed-request.ts";
import { onlyValue, readParameters } from "./request-parameters.ts";

/** What stands for a request while its user is asked: sealed, and carried by the browser. */
export interface PendingAuthorization {
  readonly request: AuthorizationRequest;
  /** Seconds since 1970. */
  readonly requestedAt: number;
  readonly expiresAt: number;
  /** Of the browser that began it. */
  readonly browser: string;
}

/**
 * The authorization endpoint (OAuth 2.1 §4.1.1). It checks the request and sends the browser to the page that asks the user; it
 * knows no user itself, since the cookies of sessions do not come here, and it writes nothing down. A request of nobody's, or for an
 * address that is not its client's, is told to the user alone: whoever made it is sent nowhere.
 */
export const getAuthorize: Handler = async (exchange) => {
  const oauth = requireOAuth(exchange.http);
  return toldToUser(async () => {
    const parameters = await readParameters(exchange.request);
    const client = oauth.clients.find(onlyValue(parameters, "client_id") ?? "");
    if (client === undefined) return faultPage("client_id: there is no such app.");
    if (parameters.has("request_uri")) {
      return authorizePushed(exchange, { oauth, client, requestUri: onlyValue(parameters, "request_uri") ?? "" });
    }
    const address = findAnswerAddress(parameters, client);
    if (address === undefined) return faultPage("redirect_uri: is not one that this app is registered with.");
    const refuse = (refusal: Parameters<typeof refusalUrl>[2]): Answer =>
      redirectAnswer(refusalUrl(exchange.http, address, refusal));
    if (client.mustPush) {
      return refuse({ error: "invalid_request", description: "The requests of this app must be pushed (RFC 9126)." });
    }
    const verdict = judgeAuthorizationRequest(parameters, client, address);
    return verdict.kind === "refused" ? refuse(verdict) : askUser(exchange, oauth, verdict.request);
  });
};

/**
 * The same by a form. Where that comes without the browser's name, the browser is sent to ask once more by GET, with which its cookie
 * comes along, if it has one.
 */
export const postAuthorize: Handler = taking(formBody(AUTHORIZATION_FORM), async (exchange) => {
  const oauth = requireOAuth(exchange.http);
  return toldToUser(async () => {
    if (hasNamedBrowser(exchange, oauth)) return getAuthorize(exchange);
    const form = await readForm(exchange.request);
    // They have no business here, and none in an address.
    for (const credential of ["client_secret", "client_assertion", "client_assertion_type"]) form.delete(credential);
    const url = `${exchange.http.issuer}/oauth/authorize?${form.toString()}`;
    return url.length > MAX_URL_LENGTH ? faultPage("The request is too long.") : redirectAnswer(url);
  });
});

/** What servers and proxies take, with room for the other headers: about half of their 16 KiB. */
const MAX_URL_LENGTH = 8_192;

/** Who looks at this is a person: what is wrong with the request as a whole is said in words, too. */
async function toldToUser(answer: () => Promise<Answer>): Promise<Answer> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof AuthError && error.code !== "unavailable") return faultPage(error.message);
    throw error;
  }
}

/** Whatever else came along is ignored (RFC 9126 §4): the client itself has said all there is, where no browser could change it. */
async function authorizePushed(
  exchange: Exchange,
  asked: { readonly oauth: OAuthFace; readonly client: OAuthClient; readonly requestUri: string },
): Promise<Answer> {
  const { oauth, client, requestUri } = asked;
  const pushed = openPushedRequest(oauth, requestUri);
  if (pushed === undefined || pushed.request.clientId !== client.id) {
    return faultPage("request_uri: is not valid, or no longer. Begin anew.");
  }
  const isFirst = await claimOnce(exchange.http, "pushed-request", { text: requestUri, expiresAt: pushed.expiresAt });
  if (!isFirst) return faultPage("request_uri: has been used. Begin anew.");
  return askUser(exchange, oauth, pushed.request);
}

function askUser(exchange: Exchange, oauth: OAuthFace, request: AuthorizationRequest): Answer {
  const requestedAt = exchange.http.clock();
  const expiresAt = requestedAt + REQUEST_LIFETIME_SECONDS;
  const { browser, cookie } = bindBrowser(exchange, oauth);
  const pending: PendingAuthorization = { request, requestedAt, expiresAt, browser };
  const handle = oauth.notes.seal("authorization-request", pending, expiresAt);
  // In the fragment: no server and no log on the way is told of it.
  return withCookies(redirectAnswer(`${oauth.interactionUrl}#request=${handle}`), [cookie]);
}
