import type { AuthEvent } from "../domain/event.ts";
import type { NextGeneration } from "../domain/refresh-rule.ts";
import type { RevocationReason, Session } from "../domain/session.ts";

/**
 * Where sessions live. Every verb is one atomic step, and an event is appended in the same transaction as the change it
 * tells of, exactly when the change took place. What a verb has answered is durable, but for `rotateSession`: the
 * protocol forgives a rotation that a crash forgets, so its commit need not reach the disk first.
 */
export interface SessionStore {
  /**
   * Begins a session. Where the user would have more than `maxSessions` live ones with it (no limit by default), the
   * least recently created of the others end first, in the same step, each with a `session_revoked` event before this
   * one. However many begin at once, on however many nodes, there are never more.
   *
   * @param lastToGoId a session that ends only where there is no other that could
   */
  createSession(session: Session, event: AuthEvent, maxSessions?: number, lastToGoId?: string): Promise<void>;

  findSession(id: string): Promise<Session | undefined>;

  /**
   * The linearisation point of a refresh: moves the row to the next generation if it still is as it was judged, neither
   * rotated nor revoked since. Answers whether it did; a loser reads again and is judged again.
   */
  rotateSession(rotation: SessionRotation, event?: AuthEvent): Promise<boolean>;

  /**
   * The linearisation point of an authorization code: the same for a session that waits for its code, which is bound to a
   * key in the same step where `jkt` names one. Durable: a crash must not bring the code back.
   */
  redeemSession(redemption: SessionRedemption, event: AuthEvent): Promise<boolean>;

  /** Ends a session, once: answers whether this call did it. */
  revokeSession(revocation: SessionRevocation, event: AuthEvent): Promise<boolean>;

  /** Ends all live sessions of a user (but one, if named); answers how many. The event is appended in any case. */
  revokeUserSessions(revocation: UserSessionsRevocation, event: AuthEvent): Promise<number>;

  /** A user's live sessions, newest first. */
  listSessions(userId: string, now: number): Promise<readonly Session[]>;

  /** Forgets sessions whose time was over before `now`, at most `limit`; answers how many. */
  purgeSessions(now: number, limit: number): Promise<number>;
}

export interface SessionRotation {
  readonly sessionId: string;
  /** What the row must still hold… */
  readonly expected: { readonly generation: number; readonly secretHash: string };
  /** …and what it holds next. */
  readonly next: Omit<NextGeneration, "secret"> & {
    readonly secretHash: string;
    readonly rotatedAt: number;
    readonly idleExpiresAt: number;
  };
  /** What is to stand in the row of device and place, where that has changed; empty for what is not known now. */
  readonly seen?: { readonly device: string; readonly place: string } | undefined;
}

export interface SessionRedemption extends SessionRotation {
  /** The thumbprint of the key that the session is bound to from now on; `null` leaves it as it is. */
  readonly jkt: string | null;
}

export interface SessionRevocation {
  readonly sessionId: string;
  readonly at: number;
  readonly reason: RevocationReason;
}

export interface UserSessionsRevocation {
  readonly userId: string;
  readonly exceptSessionId: string | null;
  readonly at: number;
  readonly reason: RevocationReason;
}
