import type { Revocation } from "@latchkey/protocol";

import type { EndedApiToken } from "../domain/api-token.ts";
import type { KeyPurpose } from "../domain/key-schedule.ts";
import type { RecordedEvent } from "../ports/event-log.ts";

/**
 * For how long it is told that a key was revoked, in seconds. Who stole it makes tokens of any life, so what counts is how
 * long a verifier may hold on to the key set it has: a week at most.
 */
export const KEY_REVOCATION_SECONDS: number = 8 * 86_400;

/**
 * For how long after a token has expired its revocation is told still, in seconds: the nodes' and verifiers' clocks differ,
 * and a change commits a moment after its time was taken.
 */
export const SLACK_SECONDS = 120;

/** The entry of an API token, which lives long: it says itself until when it matters. */
export function apiTokenRevocation({ id, expiresAt }: EndedApiToken): Revocation {
  return { kind: "token", id, until: expiresAt + SLACK_SECONDS };
}

/**
 * What an event means for tokens that have been issued already: nothing, mostly.
 *
 * @param lifetimeSeconds how long any access token lives at most, with all the slack that clocks need; of an API token the
 *   event says until when it lives
 */
export function revocationsOf(event: RecordedEvent, lifetimeSeconds: number): readonly Revocation[] {
  const until = event.at + lifetimeSeconds;
  const ended = [
    ...(event.endedSessionIds ?? []).map((id): Revocation => ({ kind: "session", id, until })),
    ...(event.endedApiTokens ?? []).map((token) => apiTokenRevocation(token)),
  ];
  switch (event.type) {
    case "session_revoked":
      return [{ kind: "session", id: event.sessionId, until }];
    case "token_revoked":
      return [{ kind: "token", id: event.tokenId, until }];
    case "api_token_revoked":
      return [apiTokenRevocation({ id: event.tokenId, expiresAt: event.expiresAt })];
    case "user_sessions_revoked":
    case "user_api_tokens_revoked":
    // The sessions that disabling an account ends are told by an event of their own.
    case "account_disabled":
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
      return isPublishedKey(event) ? [{ kind: "key", id: event.kid, until: event.at + KEY_REVOCATION_SECONDS }] : [];
    case "api_token_created":
    case "key_created":
    case "key_scheduled":
    case "user_signed_up":
    case "sign_up_refused":
    case "user_imported":
    case "account_enabled":
    case "password_screening_skipped":
    case "email_verified":
    case "email_changed":
    case "signed_in":
    case "client_authorized":
    case "client_authentication_failed":
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

/** Whether others verify what the key signed. */
export function isPublishedKey({ purpose }: { readonly purpose: KeyPurpose }): boolean {
  return purpose === "access-token" || purpose === "api-token";
}
