import type { ImplausibleChange } from "./device-change.ts";
import type { ApiTokenRevocationReason } from "./api-token.ts";
import type { KeyPurpose } from "./key-schedule.ts";
import type { RevocationReason } from "./session.ts";

/** Where a request came from, as far as the authority can tell. */
export interface Origin {
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** An operator at the command line has neither address nor browser. */
export const OPERATOR: Origin = { ip: null, userAgent: null };

/**
 * What happened, for the outbox that audit log, revocation feed and webhooks read. Each is appended in the transaction of
 * the change it tells of. It holds identifiers only: never a token, password or e-mail address.
 */
export type AuthEvent = {
  /** Seconds since 1970. */
  readonly at: number;
  readonly origin: Origin;
} & (
  | { readonly type: "user_signed_up"; readonly userId: string }
  /** The address has an account already; whose is not said. */
  | { readonly type: "sign_up_refused"; readonly userId: null }
  | { readonly type: "user_imported"; readonly userId: string }
  | { readonly type: "signed_in"; readonly userId: string; readonly sessionId: string }
  /** A user let a client in; once it has redeemed its code there is a `signed_in` of the same session. */
  | {
      readonly type: "client_authorized";
      readonly userId: string;
      readonly sessionId: string;
      readonly clientId: string;
    }
  /**
   * Somebody could not prove to be this client or resource server; `null`: of a name that nobody has. Once an hour for each of them
   * and network.
   */
  | { readonly type: "client_authentication_failed"; readonly userId: null; readonly clientId: string | null }
  | {
      readonly type: "sign_in_failed";
      readonly userId: string | null;
      /**
       * Where it was not the password. Repeated refusals of one network in one minute are recorded once, and once an hour for
       * each user that a proof of possession came a second time, with the right password.
       */
      readonly cause?: "rate_limited" | "account_disabled" | "replayed_proof";
    }
  /** Somebody signed in was asked for the password once more, and it was wrong. */
  | { readonly type: "reauthentication_failed"; readonly userId: string; readonly sessionId: string }
  | {
      readonly type: "session_revoked";
      readonly userId: string;
      readonly sessionId: string;
      readonly reason: RevocationReason;
    }
  | {
      readonly type: "user_sessions_revoked";
      readonly userId: string;
      readonly keptSessionId: string | null;
      readonly reason: RevocationReason;
    }
  /** One access token, by its `jti`; its session goes on. */
  | {
      readonly type: "token_revoked";
      readonly userId: string;
      readonly sessionId: string;
      readonly tokenId: string;
    }
  | {
      readonly type: "api_token_created";
      readonly userId: string;
      readonly tokenId: string;
      /** Seconds since 1970. */
      readonly expiresAt: number;
    }
  | {
      readonly type: "api_token_revoked";
      readonly userId: string;
      readonly tokenId: string;
      /** Until when its revocation matters: seconds since 1970. */
      readonly expiresAt: number;
      readonly reason: ApiTokenRevocationReason;
    }
  /** All that a user had. */
  | { readonly type: "user_api_tokens_revoked"; readonly userId: string; readonly reason: ApiTokenRevocationReason }
  | { readonly type: "refresh_rolled_forward"; readonly userId: string; readonly sessionId: string }
  /** A session was refreshed from what cannot be its device; `outcome` is what came of it. */
  | {
      readonly type: "device_changed";
      readonly userId: string;
      readonly sessionId: string;
      readonly change: ImplausibleChange;
      readonly outcome: "noted" | "refused";
    }
  /** Recorded where every refresh is to be; see the option `auditRefreshes`. */
  | { readonly type: "refreshed"; readonly userId: string; readonly sessionId: string }
  /** The same exchange once more. By default only where it is of an older token than the last (`behind` above 1). */
  | {
      readonly type: "refresh_retried";
      readonly userId: string;
      readonly sessionId: string;
      /** How many generations the presented token is behind the live one. */
      readonly behind: number;
    }
  /** A late duplicate, which got nothing; once for each token. */
  | { readonly type: "refresh_superseded"; readonly userId: string; readonly sessionId: string }
  /**
   * An authentic refresh token in hands that it is not for, once for each token; or with a proof of possession that came
   * before, once an hour for each session.
   */
  | {
      readonly type: "refresh_refused";
      readonly userId: string;
      readonly sessionId: string;
      readonly cause: "wrong_key" | "wrong_client" | "replayed_proof";
    }
  | { readonly type: "password_changed"; readonly userId: string; readonly keptSessionId: string | null }
  /** A new password was set though nobody could be asked whether it is known from breaches. */
  | { readonly type: "password_screening_skipped"; readonly userId: string | null }
  /** Somebody asked for the mail with which a new one is chosen. */
  | { readonly type: "password_reset_requested"; readonly userId: string }
  /** An administrator let a password be tried again that had been guessed wrong too often. */
  | { readonly type: "password_unlocked"; readonly userId: string }
  | { readonly type: "email_verified"; readonly userId: string }
  | { readonly type: "email_changed"; readonly userId: string }
  | { readonly type: "roles_changed"; readonly userId: string }
  | { readonly type: "account_disabled" | "account_enabled"; readonly userId: string }
  /** What the operator's own code says of the user is no longer what it said. */
  | { readonly type: "claims_changed"; readonly userId: string }
  | { readonly type: "account_deleted"; readonly userId: string }
  /** Of the authority's own keys, and so of no user. `key_scheduled`: it will sign sooner than was planned. */
  | {
      readonly type: "key_created" | "key_scheduled" | "key_revoked";
      readonly userId: null;
      readonly kid: string;
      readonly purpose: KeyPurpose;
    }
  /** Of the audit log itself. Entries up to and with number `through` may be removed: they are older than they need be. */
  | { readonly type: "audit_purged"; readonly userId: null; readonly through: number }
  /** The outbox turned out to be another than was read before, as after a failure of Redis: entries may be missing here. */
  | { readonly type: "audit_source_changed"; readonly userId: null }
);

const TYPES: Readonly<Record<AuthEvent["type"], true>> = {
  user_signed_up: true,
  sign_up_refused: true,
  user_imported: true,
  signed_in: true,
  client_authorized: true,
  client_authentication_failed: true,
  sign_in_failed: true,
  reauthentication_failed: true,
  session_revoked: true,
  user_sessions_revoked: true,
  token_revoked: true,
  api_token_created: true,
  api_token_revoked: true,
  user_api_tokens_revoked: true,
  refresh_rolled_forward: true,
  device_changed: true,
  refreshed: true,
  refresh_retried: true,
  refresh_superseded: true,
  refresh_refused: true,
  password_changed: true,
  password_screening_skipped: true,
  password_reset_requested: true,
  password_unlocked: true,
  email_verified: true,
  email_changed: true,
  roles_changed: true,
  account_disabled: true,
  account_enabled: true,
  claims_changed: true,
  account_deleted: true,
  key_created: true,
  key_scheduled: true,
  key_revoked: true,
  audit_purged: true,
  audit_source_changed: true,
};

/** The types of all events there are. */
export const EVENT_TYPES: readonly string[] = Object.keys(TYPES);

/** Whether events of this type are ever recorded: what is asked for by a mistyped name would never come. */
export function isEventType(type: string): type is AuthEvent["type"] {
  return Object.hasOwn(TYPES, type);
}
