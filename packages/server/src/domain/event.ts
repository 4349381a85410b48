import type { ImplausibleChange } from "./device-change.ts";
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
  | { readonly type: "sign_in_failed"; readonly userId: string | null }
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
  | { readonly type: "refresh_rolled_forward"; readonly userId: string; readonly sessionId: string }
  /** A session was refreshed from what cannot be its device; `outcome` is what came of it. */
  | {
      readonly type: "device_changed";
      readonly userId: string;
      readonly sessionId: string;
      readonly change: ImplausibleChange;
      readonly outcome: "noted" | "refused";
    }
  | { readonly type: "password_changed"; readonly userId: string; readonly keptSessionId: string | null }
  /** A new password was set though nobody could be asked whether it is known from breaches. */
  | { readonly type: "password_screening_skipped"; readonly userId: string | null }
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
);
