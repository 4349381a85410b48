import type { OAuthClient } from "./oauth-client.ts";
import { isRedirectUriOf } from "./oauth-client.ts";
import { scopesOf } from "./scope.ts";

/** What a client asks for, once it has been checked (OAuth 2.1 §4.1.1, OpenID Connect Core §3.1.2.1). */
export interface AuthorizationRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  /** Comes back as it was. */
  readonly state: string | undefined;
  /** Space-delimited, in the client's order. */
  readonly scope: string;
  readonly audience: string;
  /** Of PKCE with S256: the hash of the verifier that the code is redeemed with. */
  readonly codeChallenge: string;
  readonly nonce: string | undefined;
  /** The key that the code, and what it is redeemed for, are bound to (RFC 9449 §10). */
  readonly jkt: string | undefined;
  /** Whether the user must sign in for this very request. */
  readonly isFreshSignInNeeded: boolean;
  /** Whether the user must be asked, for a client too that need not ask otherwise. */
  readonly isConsentNeeded: boolean;
  /** How long ago the user may have signed in, in whole seconds. */
  readonly maxAgeSeconds: number | undefined;
  readonly loginHint: string | undefined;
}

/** The error codes of RFC 6749 §4.1.2.1, RFC 8707 §2, OpenID Connect Core §3.1.2.6. */
export type AuthorizationErrorCode =
  | "invalid_request"
  | "unauthorized_client"
  | "access_denied"
  | "unsupported_response_type"
  | "invalid_scope"
  | "invalid_target"
  | "server_error"
  | "temporarily_unavailable"
  | "login_required"
  | "request_not_supported"
  | "registration_not_supported";

/** An answer without a code. */
export interface AuthorizationRefusal {
  readonly kind: "refused";
  readonly error: AuthorizationErrorCode;
  /** One sentence in printable ASCII, which holds nothing of what was sent. */
  readonly description: string;
}

export type AuthorizationVerdict =
  | { readonly kind: "valid"; readonly request: AuthorizationRequest }
  | AuthorizationRefusal;

/** The parameters of a request, each with all the values it came with. */
export type Parameters = ReadonlyMap<string, readonly string[]>;

/** Where answers may go: to be settled first of all, since no fault may be told to an address that is not the client's. */
export interface AnswerAddress {
  readonly redirectUri: string;
  readonly state: string | undefined;
}

/** `undefined` where the redirect URI is missing, comes twice, or is not one of the client's. */
export function findAnswerAddress(parameters: Parameters, client: OAuthClient): AnswerAddress | undefined {
  const [redirectUri, ...others] = parameters.get("redirect_uri") ?? [];
  if (redirectUri === undefined || others.length > 0 || !isRedirectUriOf(client, redirectUri)) return undefined;
  const states = parameters.get("state") ?? [];
  return { redirectUri, state: states.length === 1 ? states[0] : undefined };
}

/** How long each may be, in UTF-16 units: they travel through the browser, in the address of a page. */
const MAX_LENGTHS: Readonly<Record<string, number>> = { state: 1_024, nonce: 256, scope: 1_024, login_hint: 254 };

/** Those that RFC 8707 and nothing else lets come more than once. */
const REPEATABLE = new Set(["resource"]);

/** Judges all of a request but the client and the redirect URI. Unknown parameters are ignored (RFC 6749 §3.1). */
export function judgeAuthorizationRequest(
  parameters: Parameters,
  client: OAuthClient,
  address: AnswerAddress,
): AuthorizationVerdict {
  const twice = [...parameters].find(([name, values]) => values.length > 1 && !REPEATABLE.has(name));
  if (twice !== undefined) return refused("invalid_request", "A parameter must not come twice.");
  // An empty value counts as none.
  const value = (name: string): string | undefined => parameters.get(name)?.[0] || undefined;
  const long = Object.entries(MAX_LENGTHS).find(([name, length]) => (value(name)?.length ?? 0) > length);
  if (long !== undefined) {
    return refused(long[0] === "scope" ? "invalid_scope" : "invalid_request", `${long[0]}: is too long.`);
  }
  if (value("request") !== undefined) return refused("request_not_supported", "request: push the request instead.");
  if (value("registration") !== undefined) return refused("registration_not_supported", "Clients are registered here.");

  const responseType = value("response_type");
  if (responseType === undefined) return refused("invalid_request", "response_type: is missing.");
  if (responseType !== "code") return refused("unsupported_response_type", "response_type: must be code.");
  if ((value("response_mode") ?? "query") !== "query")
    return refused("invalid_request", "response_mode: must be query.");

  const codeChallenge = value("code_challenge");
  if (codeChallenge === undefined) return refused("invalid_request", "code_challenge: is missing (PKCE, RFC 7636).");
  if (value("code_challenge_method") !== "S256")
    return refused("invalid_request", "code_challenge_method: must be S256.");
  if (!isThumbprint(codeChallenge)) return refused("invalid_request", "code_challenge: is no SHA-256 in base64url.");
  const jkt = value("dpop_jkt");
  if (jkt !== undefined && !isThumbprint(jkt))
    return refused("invalid_request", "dpop_jkt: is no thumbprint of a key.");

  const asked = value("scope") === undefined ? client.scopes : scopesOf(value("scope") ?? "");
  if (!asked.every((scope) => client.scopes.includes(scope))) {
    return refused("invalid_scope", "scope: holds a scope that this client may not ask for.");
  }
  const resources = new Set(parameters.get("resource") ?? []);
  const audience = [...resources][0] ?? client.audiences[0] ?? "";
  if (resources.size > 1 || !client.audiences.includes(audience)) {
    return refused("invalid_target", "resource: must be one API that this client may ask tokens for.");
  }
  const prompts = (value("prompt") ?? "").split(" ").filter((prompt) => prompt !== "");
  if (prompts.includes("none")) {
    // Nothing here says who the user is before a page has asked: that is what the page is for.
    return prompts.length > 1
      ? refused("invalid_request", "prompt: none stands alone.")
      : refused("login_required", "The user has to sign in.");
  }
  const maxAge = value("max_age");
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge)) return refused("invalid_request", "max_age: is no number.");
  return {
    kind: "valid",
    request: {
      clientId: client.id,
      ...address,
      scope: client.scopes.filter((scope) => asked.includes(scope)).join(" "),
      audience,
      codeChallenge,
      nonce: value("nonce"),
      jkt,
      isFreshSignInNeeded: prompts.includes("login") || prompts.includes("select_account") || Number(maxAge) === 0,
      isConsentNeeded: prompts.includes("consent"),
      maxAgeSeconds: Number(maxAge) || undefined,
      loginHint: value("login_hint"),
    },
  };
}

function refused(error: AuthorizationErrorCode, description: string): AuthorizationRefusal {
  return { kind: "refused", error, description };
}

/** Whether a text is a SHA-256 in base64url. */
function isThumbprint(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}
