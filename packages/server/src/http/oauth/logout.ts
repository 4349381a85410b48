import type { Parameters } from "../../domain/authorization-request.ts";
import { AuthError } from "../../errors.ts";
import { signOutClient } from "../../flows/sign-out-client.ts";
import type { Answer, Exchange, Handler } from "../exchange.ts";
import { formBody, taking } from "../request-body.ts";
import { redirectAnswer, withQuery } from "./authorization-answers.ts";
import { faultPage } from "./fault-page.ts";
import { LOGOUT_FORM } from "./logout-form.ts";
import { requireOAuth } from "./oauth-face.ts";
import { pageAnswer } from "./page.ts";
import { onlyValue, readParameters } from "./request-parameters.ts";

const SIGNED_OUT = {
  title: "Signed out",
  main: "<h1>You are signed out</h1><p>You can close this page.</p>",
};

/**
 * RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): the client's session ends that its ID token is of, whenever that has
 * expired. Who has none has nothing to end here, and is sent nowhere: the user's own apps sign out by themselves.
 */
export const getLogout: Handler = async (exchange) => {
  try {
    return await logOut(exchange, await readParameters(exchange.request));
  } catch (error) {
    if (error instanceof AuthError && error.code !== "unavailable") return faultPage(error.message);
    throw error;
  }
};

export const postLogout: Handler = taking(formBody(LOGOUT_FORM), async (exchange) => getLogout(exchange));

async function logOut(exchange: Exchange, parameters: Parameters): Promise<Answer> {
  const { http, origin } = exchange;
  const { clients } = requireOAuth(http);
  if ([...parameters.values()].some((values) => values.length > 1))
    return faultPage("A parameter must not come twice.");
  const idToken = onlyValue(parameters, "id_token_hint");
  const hint = idToken === undefined ? undefined : await http.idTokens?.readHint(idToken);
  const client = hint && clients.find(hint.clientId);
  const named = onlyValue(parameters, "client_id");
  if (hint === undefined || client === undefined || (named !== undefined && named !== client.id)) {
    return faultPage("id_token_hint: is missing, or not of this app. Sign out in the app itself.");
  }
  // Before anything ends: what is wrong with the request is the app's to mend.
  const uri = onlyValue(parameters, "post_logout_redirect_uri");
  // Compared exactly, ports too.
  if (uri !== undefined && !client.postLogoutRedirectUris.includes(uri)) {
    return faultPage("post_logout_redirect_uri: is not one that this app is registered with.");
  }
  await signOutClient(http, hint, origin);
  if (uri === undefined) return pageAnswer(200, SIGNED_OUT);
  const state = onlyValue(parameters, "state");
  return redirectAnswer(state === undefined ? uri : withQuery(uri, { state }));
}
