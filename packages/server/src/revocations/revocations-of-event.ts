import type { Revocation } from "@latchkey/protocol";

import type { RecordedEvent } from "../ports/event-log.ts";

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
      return event.claimsEpoch === undefined
        ? []
        : [{ kind: "claims", id: event.userId, epoch: event.claimsEpoch, until }];
    case "user_signed_up":
    case "email_verified":
    case "signed_in":
    case "sign_in_failed":
    case "refresh_rolled_forward":
      return [];
  }
}
