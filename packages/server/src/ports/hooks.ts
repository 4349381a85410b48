import type { User } from "../domain/user.ts";

/** A session, as far as it is anybody's business. Times are whole seconds since 1970. */
export interface SessionFacts {
  readonly id: string;
  readonly clientId: string;
  /** The API its access tokens are for. */
  readonly audience: string;
  /** Space-delimited. */
  readonly scope: string;
  readonly createdAt: number;
  readonly authTime: number;
  readonly amr: readonly string[];
  readonly acr: string;
  /** Whether it is bound to a key of the client's (DPoP). */
  readonly isBound: boolean;
}

/** Claims of the operator's own, as they will stand in the access token. */
export type CustomClaims = Readonly<Record<string, unknown>>;

/**
 * What else the access tokens of this session are to say: asked at sign-in and at every refresh. Where it throws, takes too
 * long, or answers with what no token may say, nothing is issued and nothing is lost: the client is told `unavailable`.
 */
export type ClaimsHook = (user: User, session: SessionFacts) => CustomClaims | Promise<CustomClaims>;

export interface AuthorizationRequest {
  readonly user: User;
  readonly session: SessionFacts;
  /** `refresh` stands for every use of a session that has begun. */
  readonly at: "sign-in" | "refresh";
}

/** `true`, `false`, or those of the session's scopes that it may have now: fewer, never others. */
export type Authorization = boolean | { readonly scopes: readonly string[] };

/** May this user have this session, for this API and these scopes? Asked after the password, and at every refresh. */
export type AuthorizeHook = (request: AuthorizationRequest) => Authorization | Promise<Authorization>;
