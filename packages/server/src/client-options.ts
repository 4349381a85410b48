import type { Jwk } from "@latchkey/jwt";

import type { IdTokenAlgorithm } from "./domain/oauth-client.ts";

/** An app that is not your own, or is apart from it: it gets tokens by OAuth 2.1. See docs/oauth.md. */
export interface ClientOptions {
  /** Its `client_id`: no first-party client's and no audience. */
  readonly clientId: string;
  /** What users read when they are asked to let it in. */
  readonly name: string;
  /**
   * Where answers go: `https:`, `http:` on loopback, or a private-use scheme (`com.example.app:/callback`). Compared exactly; only the
   * port of `127.0.0.1` and `[::1]` may be another.
   */
  readonly redirectUris: readonly string[];
  /**
   * For a server that can keep one: at least 32 characters from a random generator, or, so that your configuration need not
   * hold it, its SHA-256 in hexadecimal. Give several while one replaces another. Without secret and keys it is public.
   */
  readonly secret?: ClientSecret | readonly ClientSecret[];
  /** In place of a secret: its public keys, each with `kid` and `alg`, for `private_key_jwt`. */
  readonly keys?: readonly Jwk[];
  /** The scopes it may ask for: of `scopes.allowed`, and `openid`, `profile`, `email`, `offline_access`. Default `["openid"]`. */
  readonly scopes?: readonly string[];
  /**
   * The APIs it may ask tokens for; the first is the default. Default: none but the authority itself, which tells the client
   * who the user is.
   */
  readonly audiences?: readonly string[];
  /** Whether users are asked each time (the default), or never: for what is as good as your own app. */
  readonly consent?: "ask" | "never";
  /** What its ID tokens are signed with. Default RS256, which every client knows. */
  readonly idTokenAlg?: IdTokenAlgorithm;
  /** Whether its requests must be pushed, so that no browser can change them (RFC 9126). Default: no. */
  readonly requirePushedAuthorizationRequests?: boolean;
  /** Whether its tokens must be bound to a key of its own (DPoP). Default: no; they are wherever it sends proofs. */
  readonly dpopBoundAccessTokens?: boolean;
  /** Where users may be sent once they have signed out; as `redirectUris`, but no port is free. */
  readonly postLogoutRedirectUris?: readonly string[];
  /**
   * Where it is told by a logout token that a session of its own has ended (OpenID Connect Back-Channel Logout 1.0): `https:`, or `http:`
   * on loopback. Default: it is not told. At most 50 clients are.
   */
  readonly backchannelLogoutUri?: string;
  /** Whether logout tokens must name the session. They always do: it is here for registrations that say so. Default: no. */
  readonly backchannelLogoutSessionRequired?: boolean;
}

export type ClientSecret = string | { readonly sha256: string };

export interface OAuthOptions {
  /**
   * The page on which users sign in and are asked: of an allowed origin, on the authority's own site. What is asked is in its
   * fragment (`#request=…`). Default: a small page of the authority's own.
   */
  readonly interactionUrl?: string;
}
