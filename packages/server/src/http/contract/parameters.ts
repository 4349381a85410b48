import { ATTEMPT_HEADER, DPOP_HEADER } from "@latchkey/protocol";

/** A header field or a parameter of the query, as OpenAPI has it. */
export interface Parameter {
  readonly name: string;
  readonly in: "header" | "query";
  readonly description: string;
}

export const DPOP: Parameter = {
  name: DPOP_HEADER,
  in: "header",
  description: "A proof of possession (RFC 9449): binds the session to its key.",
};

export const ATTEMPT: Parameter = {
  name: ATTEMPT_HEADER,
  in: "header",
  description:
    "Attempt keys, newest first, separated by commas: a refresh whose answer was lost is asked for again with the same.",
};

export const AFTER: Parameter = {
  name: "after",
  in: "query",
  description: "The cursor to go on from.",
};

/** Of a request for a code; what else there is, RFC 6749, RFC 7636, RFC 8707 and OpenID Connect say. */
export const AUTHORIZATION: readonly Parameter[] = [
  { name: "client_id", in: "query", description: "Which client asks." },
  { name: "redirect_uri", in: "query", description: "Where the answer goes: one that the client is registered with." },
  { name: "request_uri", in: "query", description: "A request that was pushed, in place of all that follows." },
  { name: "response_type", in: "query", description: "`code`." },
  { name: "scope", in: "query", description: "Space-delimited; by default all that the client may have." },
  { name: "code_challenge", in: "query", description: "Of PKCE (RFC 7636)." },
  { name: "code_challenge_method", in: "query", description: "`S256`." },
  { name: "state", in: "query", description: "Comes back as it was." },
];

/** Of a request to sign out (OpenID Connect RP-Initiated Logout 1.0). */
export const LOGOUT: readonly Parameter[] = [
  {
    name: "id_token_hint",
    in: "query",
    description: "An ID token of the session that is to end; it may have expired.",
  },
  { name: "post_logout_redirect_uri", in: "query", description: "Where the browser goes then." },
  { name: "state", in: "query", description: "Goes there, as it was." },
];
