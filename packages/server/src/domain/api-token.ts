/** A token that a user made for a program, without the token. Times are whole seconds since 1970. */
export interface ApiToken {
  /** Its `jti`. */
  readonly id: string;
  readonly userId: string;
  /** The client it was made with. */
  readonly clientId: string;
  /** What its user calls it. */
  readonly name: string;
  readonly audience: string;
  /** Space-delimited. */
  readonly scope: string;
  /** The thumbprint (RFC 7638) of the key it must be used with, if it is bound to one. */
  readonly jkt: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** The beginning of the hour it was last used in, as far as anybody said. */
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
}

/** What is told of one that has ended. */
export interface EndedApiToken {
  readonly id: string;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

export type ApiTokenRevocationReason = "revoked_by_user" | "revoked_by_client" | "revoked_by_operator";

export interface ApiTokenPolicy {
  readonly defaultLifetimeSeconds: number;
  readonly maxLifetimeSeconds: number;
  readonly maxPerUser: number;
  /** How long ago a user may have signed in who makes one. */
  readonly recentAuthenticationSeconds: number;
  /** The APIs there may be tokens for. */
  readonly audiences: readonly string[];
}

export const HOUR_SECONDS = 3_600;
