import type { Revocation } from "@latchkey/protocol";

import type { RecordedEvent } from "../ports/event-log.ts";

/**
 * For how long it is told that a key was revoked, in seconds. Who stole it makes tokens of any life, so what counts is how
 * long a verifier may hold on to the key set it has: a week at most.
 */
export const KEY_REVOCATION_SECONDS: number = 8 * 86_400;

/**
 * What an event means for tokens that have been issued already: nothing, mostly.
 *
 * @param lifetimeSeconds how long any access token lives at most, with all the slack that clocks need
 */
export function revocationsOf(event: RecordedEvent, lifetimeSeconds: number): readonly Revocation[] {
  const until = event.at + lifetimeSeconds;
  const ended = (event.endedSessionIds ?? []).map((id): Revocation => ({ kind: "session", id, until }));
  switch (event.type) {
    case "session_revoked":
      return [{ kind: "session", id: event.sessionId, until }];
    case "token_revoked":
      return [{ kind: "token", id: event.tokenId, until }];
    case "user_sessions_revoked":
    case "password_changed":
      return ended;
    case "account_deleted":
      // Nobody will ever bear this id again, so every token of it is dead, whenever it was issued.
      return [...ended, { kind: "subject", id: event.userId, before: until, until }];
    case "roles_changed":
    case "claims_changed":
      return event.claimsEpoch === undefined
        ? []
        : [{ kind: "claims", id: event.userId, epoch: event.claimsEpoch, until }];
    case "key_revoked":
      return event.purpose === "access-token"
        ? [{ kind: "key", id: event.kid, until: event.at + KEY_REVOCATION_SECONDS }]
        : [];
    case "key_created":
    case "key_scheduled":
    case "user_signed_up":
    case "sign_up_refused":
    case "user_imported":
    // What disabling an account ends is told by the event that ends its sessions.
    case "account_disabled":
    case "account_enabled":
    case "password_screening_skipped":
    case "email_verified":
    case "email_changed":
    case "signed_in":
    case "sign_in_failed":
    case "reauthentication_failed":
    case "refreshed":
    case "refresh_retried":
    case "refresh_superseded":
    case "refresh_refused":
    case "refresh_rolled_forward":
    case "device_changed":
    case "password_reset_requested":
    case "password_unlocked":
    case "audit_purged":
    case "audit_source_changed":
      return [];
  }
}
