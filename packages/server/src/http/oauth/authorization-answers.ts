import type { AnswerAddress, AuthorizationRefusal } from "../../domain/authorization-request.ts";
import type { Answer, HttpContext } from "../exchange.ts";

/**
 * Where a client's answer goes, with what it says. It names the issuer, so that no other server's answer is taken for ours
 * (RFC 9207), and brings the client's state back as it was.
 */
export function answerUrl(
  { issuer }: Pick<HttpContext, "issuer">,
  { redirectUri, state }: AnswerAddress,
  said: Readonly<Record<string, string>>,
): string {
  return withQuery(redirectUri, { ...said, ...(state !== undefined && { state }), iss: issuer });
}

/** A URI as it was registered, with this added to its query. */
export function withQuery(uri: string, added: Readonly<Record<string, string>>): string {
  return `${uri}${uri.includes("?") ? "&" : "?"}${new URLSearchParams(added).toString()}`;
}

export function refusalUrl(
  http: Pick<HttpContext, "issuer">,
  address: AnswerAddress,
  { error, description }: Pick<AuthorizationRefusal, "error" | "description">,
): string {
  return answerUrl(http, address, { error, error_description: description });
}

/** Always 303: no browser sends a form's body on, with the password in it (RFC 9700 §4.12). */
export function redirectAnswer(location: string): Answer {
  const headers = { Location: location, "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin" };
  return { status: 303, headers, body: null };
}
