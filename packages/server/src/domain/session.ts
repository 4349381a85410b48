import type { AttemptMemory } from "./attempt-memory.ts";

/**
 * A session: one sign-in, on one device, for one client. It is the token family of RFC 9700 §4.14.2, kept as one row
 * however often it is refreshed. Times are whole seconds since 1970.
 */
export interface Session extends RefreshState {
  readonly userId: string;
  /** The API its access tokens are for. */
  readonly audience: string;
  /** Space-delimited; never widened by a refresh. */
  readonly scope: string;
  readonly createdAt: number;
  /** When the user last proved who they are. Refreshes do not change it (RFC 9068 §2.2.1). */
  readonly authTime: number;
  readonly amr: readonly string[];
  readonly acr: string;
  /** Whether the refresh cookie outlives the browser. */
  readonly persistent: boolean;
  /** The `User-Agent` that it was last seen with. */
  readonly device: string | null;
  /** The address that it began from. */
  readonly ip: string | null;
  /** Where it was last seen, as an ISO 3166 code (`DE`, `DE-BE`), as far as that is known. */
  readonly place: string | null;
}

/** The part of a session that the refresh rule reads and a rotation changes. */
export interface RefreshState {
  readonly id: string;
  readonly clientId: string;
  /** How often the session has rotated: the number of the only live refresh token. */
  readonly generation: number;
  /** The hash of the live refresh token's secret. */
  readonly secretHash: string;
  readonly attempts: AttemptMemory;
  /** Whether an attempt key was ever used: from then on, time alone never makes a retry. */
  readonly attemptKeysUsed: boolean;
  /** The thumbprint (RFC 7638) of the key the session is bound to, if it is. */
  readonly jkt: string | null;
  /** When the live refresh token came to be. */
  readonly rotatedAt: number;
  /** The session ends here unless it is refreshed before. */
  readonly idleExpiresAt: number;
  /** The session ends here however often it is refreshed. */
  readonly expiresAt: number;
  readonly revokedAt: number | null;
}

/** Why a session was revoked. */
export type RevocationReason =
  | "signed_out"
  | "signed_out_everywhere"
  | "ended_by_user"
  | "replaced"
  | "session_limit"
  | "refresh_token_reuse"
  | "authorization_code_reuse"
  | "device_changed"
  | "revoked_by_client"
  | "password_changed"
  | "email_changed"
  | "account_disabled"
  | "account_deleted"
  | "ended_by_operator"
  /** The key that its secrets were derived with has been revoked, so that nobody can tell a retry from a thief. */
  | "key_revoked"
  /** Its time was over, and its holder was told so. */
  | "expired";

/** How long sessions live, in whole seconds. */
export interface SessionLimits {
  readonly idleSeconds: number;
  readonly maxSeconds: number;
}

/** The idle limit after a sign-in or refresh; it never passes the absolute one. */
export function idleExpiry(now: number, expiresAt: number, limits: SessionLimits): number {
  return Math.min(now + limits.idleSeconds, expiresAt);
}

/** Whether the session still counts: not revoked, within both limits. */
export function isLive(session: RefreshState, now: number): boolean {
  return session.revokedAt === null && now < session.idleExpiresAt && now < session.expiresAt;
}
