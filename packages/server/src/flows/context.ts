import type { SecretScheme } from "../domain/refresh-rule.ts";
import type { ScopePolicy } from "../domain/scope.ts";
import type { SessionLimits } from "../domain/session.ts";
import type { Background } from "../ports/background.ts";
import type { Clock } from "../ports/clock.ts";
import type { AuthorizeHook, ClaimsHook } from "../ports/hooks.ts";
import type { Locator } from "../ports/locate.ts";
import type { OwnUsers } from "../ports/own-users.ts";
import type { MailLinks } from "../mail/messages.ts";
import type { Logger } from "../ports/logger.ts";
import type { Mailer } from "../ports/mailer.ts";
import type { Observer } from "../ports/observer.ts";
import type { PasswordHasher } from "../ports/password-hasher.ts";
import type { Store } from "../ports/store.ts";
import type { RevokedTokens } from "../revocations/revoked-tokens.ts";
import type { SessionIds } from "../status-lists/session-ids.ts";
import type { AccessTokens } from "../tokens/access-token.ts";
import type { IdTokens } from "../tokens/id-token.ts";
import type { MailTokens } from "../tokens/mail-token.ts";
import type { RefreshTokens } from "../tokens/refresh-token.ts";
import type { ApiTokenSupport } from "./api-tokens.ts";
import type { NewPasswordRules } from "./choose-password.ts";
import type { AttemptLimits } from "./rate-limits.ts";

/** What every flow works with. */
export interface FlowContext {
  readonly store: Store;
  readonly hasher: PasswordHasher;
  readonly sessionIds: SessionIds;
  readonly accessTokens: AccessTokens;
  readonly revokedTokens: RevokedTokens;
  readonly refreshTokens: RefreshTokens;
  /** `undefined`: there are no clients that get any. */
  readonly idTokens: IdTokens | undefined;
  /** `undefined`: there are none. */
  readonly apiTokens: ApiTokenSupport | undefined;
  /**
   * How the secrets of a session that was created at this time are derived: with one key for its whole life, so that a
   * retry finds its way however the keys have been rotated since.
   */
  readonly secretSchemeAt: (createdAt: number) => SecretScheme;
  /** Until when it was another scheme, whose key has been revoked; `undefined` where it never was. */
  readonly secretSchemeReplacedUntil: (createdAt: number) => number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: SignInPolicy;
  readonly attemptLimits: AttemptLimits;
  readonly newPasswords: NewPasswordRules;
  /** `undefined`: no mail is sent, and what needs it does not exist. */
  readonly mail: { readonly mailer: Mailer; readonly links: MailLinks } | undefined;
  readonly mailTokens: MailTokens;
  readonly background: Background;
  readonly observer: Observer | undefined;
  readonly deviceSignals: DeviceSignals;
  readonly hooks: FlowHooks;
  /** `undefined`: accounts are kept in the store. */
  readonly ownUsers: OwnUsers | undefined;
}

/** What is made of the signs that a device shows of itself. */
export interface DeviceSignals {
  readonly policy: "off" | "notify" | "step-up" | "revoke";
  /** `undefined`: nobody is located. */
  readonly locate: Locator | undefined;
}

/** Code of the operator's that flows ask. */
export interface FlowHooks {
  readonly claims: ClaimsHook | undefined;
  readonly authorize: AuthorizeHook | undefined;
  /** How long each may take; longer is as if it had thrown. */
  readonly timeoutSeconds: number;
}

/** What the operator decided. */
export interface SignInPolicy {
  readonly limits: SessionLimits;
  /** A sign-in past this many live sessions ends the least recently begun. */
  readonly maxSessionsPerUser: number;
  readonly retryWindowSeconds: number;
  readonly scopes: ScopePolicy;
  /** The APIs tokens may be asked for; the first is the default. */
  readonly audiences: readonly string[];
  /** The first-party clients; the first is the default. */
  readonly clientIds: readonly string[];
  /** Whether users are written to who sign in from a kind of device that is new. */
  readonly noticesNewDevices: boolean;
  /** Which sessions a new e-mail address ends. */
  readonly emailChangeEnds: "other-sessions" | "nothing";
  /** Whether sign-up may tell that an e-mail address has an account. */
  readonly revealEmailTaken: boolean;
  /** Whether each refresh is recorded. */
  readonly auditRefreshes: boolean;
}
