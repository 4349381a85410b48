/** A client that is not one of your own apps: it asks for a user's tokens by the authorization code flow (OAuth 2.1). */
export interface OAuthClient {
  readonly id: string;
  /** What users are shown when they are asked. */
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly authentication: ClientAuthenticationMethod;
  /** The scopes it may ask for, those of OpenID Connect among them. */
  readonly scopes: readonly string[];
  /** The APIs it may ask tokens for; the first is the default. */
  readonly audiences: readonly string[];
  /** Whether the user is asked each time, or never: `never` is for clients that are as good as your own apps. */
  readonly consent: "ask" | "never";
  readonly idTokenAlg: IdTokenAlgorithm;
  /** Whether its requests must be pushed (RFC 9126 §5). */
  readonly mustPush: boolean;
  /** Whether its tokens must be bound to a key (RFC 9449 §5.2). */
  readonly mustProve: boolean;
  readonly postLogoutRedirectUris: readonly string[];
  /** Where it is told that a session of its own has ended; `undefined`: it is not. */
  readonly backchannelLogoutUri: string | undefined;
}

/** How a client proves who it is; `none`: a public client, which cannot. */
export type ClientAuthenticationMethod = "none" | "client_secret_basic" | "private_key_jwt";

/** Their hash is SHA-256, which `at_hash` is made with (OpenID Connect Core §3.1.3.6). */
export const ID_TOKEN_ALGORITHMS = ["RS256", "PS256", "ES256"] as const;

export type IdTokenAlgorithm = (typeof ID_TOKEN_ALGORITHMS)[number];

/** The scopes that OpenID Connect gives a meaning, which is about the user and not about your APIs. */
export const OPENID_SCOPES = ["openid", "profile", "email", "offline_access"] as const;

/**
 * Whether a URI is one of the client's own: compared character by character, as nothing else is safe (RFC 9700 §4.1.3). Only the
 * port of a loopback address may be another, since a program on the user's machine gets whichever is free (RFC 8252 §7.3).
 */
export function isRedirectUriOf({ redirectUris }: OAuthClient, uri: string): boolean {
  return redirectUris.includes(uri) || redirectUris.some((own) => isOnLoopback(own) && anyPort(own) === anyPort(uri));
}

const LOOPBACK = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?(?=[/?]|$)/;

/** By an address and not by name: what `localhost` is, is up to somebody else (RFC 8252 §8.3). */
function isOnLoopback(uri: string): boolean {
  return LOOPBACK.test(uri);
}

function anyPort(uri: string): string {
  return uri.replace(LOOPBACK, "$1");
}

/** What a client is told: were it there before, it would come twice, and the client might take the wrong one. */
const ANSWER_PARAMETERS = ["code", "error", "error_description", "iss", "state"] as const;

/** What is wrong with a redirect URI, for people; `undefined` where nothing is. */
export function redirectUriFault(uri: string): string | undefined {
  if (!/^[!-~]+$/.test(uri) || !URL.canParse(uri)) return "is no absolute URI in printable ASCII";
  if (uri.includes("#")) return "must have no fragment";
  if (uri.includes("*") || uri.includes("\\")) return "must be written out: it is compared character by character";
  const { protocol, hostname, username, password, searchParams } = new URL(uri);
  if (username !== "" || password !== "") return "must name no user";
  if (ANSWER_PARAMETERS.some((name) => searchParams.has(name)))
    return "must leave code, error, iss and state to answers";
  // A browser that is sent to https:host stays where it is, and takes the host for a path.
  if (/^https?:(?!\/\/[^/])/i.test(uri)) return "must have two slashes and a host";
  if (protocol === "https:") return undefined;
  if (protocol === "http:") {
    const isLocal = isOnLoopback(uri) || hostname === "localhost";
    return isLocal ? undefined : "must be https: (plain http: is for 127.0.0.1, [::1] and localhost alone)";
  }
  // Of the client's own domain, turned around: a scheme without a dot is anybody's, and some run what follows.
  return protocol.includes(".")
    ? undefined
    : "must be https:, loopback, or a scheme of a domain's name turned around, as com.example.app:/callback (RFC 8252 §7.1)";
}

/** Whether only this client can be reached there: not just any program on the user's machine (RFC 8252 §8.6). */
export function provesIdentity(uri: string): boolean {
  return uri.startsWith("https:");
}
