import type { AuthorizationRequest } from "../../domain/authorization-request.ts";
import { findAnswerAddress, judgeAuthorizationRequest } from "../../domain/authorization-request.ts";
import { AuthError } from "../../errors.ts";
import { claimProof } from "../../flows/claim-proof.ts";
import { jsonAnswer } from "../answers.ts";
import { readProof } from "../dpop-proof-header.ts";
import type { Handler } from "../exchange.ts";
import { formBody, taking } from "../request-body.ts";
import { AUTHORIZATION_FORM } from "./authorization-form.ts";
import { CLIENT_FORM, requireClient } from "./client-authentication.ts";
import type { OAuthFace } from "./oauth-face.ts";
import { requireOAuth } from "./oauth-face.ts";
import { onlyValue, readParameters } from "./request-parameters.ts";
import { oauthRefusal } from "./oauth-refusal.ts";

interface PushedRequest {
  readonly request: AuthorizationRequest;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

const URN = "urn:ietf:params:oauth:request_uri:";

/** For how long a pushed request waits for its browser, in seconds (RFC 9126 §2.2: 5 to 600). */
const LIFETIME_SECONDS = 60;

/**
 * Pushed authorization requests (RFC 9126): the client says what it wants where no browser can change it, proves itself, and, with
 * a proof of possession, names the key that the code will be bound to (RFC 9449 §10.1).
 */
export const postPushedRequest: Handler = taking(formBody(AUTHORIZATION_FORM), async (exchange) => {
  const { http, request, origin } = exchange;
  const oauth = requireOAuth(http);
  const parameters = await readParameters(request);
  const names = Object.keys(CLIENT_FORM) as (keyof typeof CLIENT_FORM)[];
  const twice = names.find((name) => (parameters.get(name)?.length ?? 0) > 1);
  if (twice !== undefined) throw malformed(`${twice}: must not come twice.`);
  const form = names.flatMap((name) => {
    const value = onlyValue(parameters, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const client = await requireClient(exchange, oauth, Object.fromEntries(form));
  // Anybody calls themselves that, and a proof that comes along is remembered in the store.
  if (client.authentication === "none") await http.attemptLimits.beforePushedRequest(origin.ip);
  if (parameters.has("request_uri")) throw malformed("request_uri: must not be pushed itself.");

  const address = findAnswerAddress(parameters, client);
  if (address === undefined) throw malformed("redirect_uri: is not one that this client is registered with.");
  const verdict = judgeAuthorizationRequest(parameters, client, address);
  if (verdict.kind === "refused") return oauthRefusal(verdict);

  const proof = readProof(exchange);
  const { jkt } = verdict.request;
  if (proof !== undefined && jkt !== undefined && jkt !== proof.jkt) throw new AuthError("invalid_dpop_proof");
  if (proof !== undefined) await claimProof(http, proof);
  const expiresAt = http.clock() + LIFETIME_SECONDS;
  const pushed: PushedRequest = { request: { ...verdict.request, jkt: jkt ?? proof?.jkt }, expiresAt };
  const note = oauth.notes.seal("pushed-request", pushed, expiresAt);
  return jsonAnswer(201, { request_uri: URN + note, expires_in: LIFETIME_SECONDS });
});

/** `undefined` for any that this authority has not given, or whose time is over. */
export function openPushedRequest({ notes }: OAuthFace, requestUri: string): PushedRequest | undefined {
  if (!requestUri.startsWith(URN)) return undefined;
  return notes.open("pushed-request", requestUri.slice(URN.length)) as PushedRequest | undefined;
}

function malformed(description: string): AuthError {
  return new AuthError("invalid_request", { description });
}
