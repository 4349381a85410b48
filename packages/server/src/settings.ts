import type { KeyOptions, MailOptions } from "./auth-server-options.ts";
import type { ApiTokenPolicy } from "./domain/api-token.ts";
import type { NewPasswordRules } from "./flows/choose-password.ts";
import type { DeviceSignals, FlowHooks, SignInPolicy } from "./flows/context.ts";
import type { AttemptLimitsOptions } from "./flows/rate-limits.ts";
import type { ReadClientAddress } from "./http/client-address.ts";
import type { FollowerLimits } from "./http/follower-places.ts";
import type { ResourceServers } from "./http/resource-server-authentication.ts";
import type { OAuthSettings } from "./oauth-clients.ts";
import type { Clock } from "./ports/clock.ts";
import type { Denylist } from "./ports/denylist.ts";
import type { Locate } from "./ports/locate.ts";
import type { MasterSecret } from "./ports/master-secret.ts";
import type { OwnUsers } from "./ports/own-users.ts";
import type { Logger } from "./ports/logger.ts";
import type { Observer } from "./ports/observer.ts";
import type { PasswordHasher } from "./ports/password-hasher.ts";
import type { SigningService } from "./ports/signing-service.ts";
import type { Store } from "./ports/store.ts";
import type { AudienceProfile } from "./tokens/audience-profile.ts";
import type { WebhookEndpoint } from "./webhooks/endpoint.ts";

/** The options, checked, with every default in its place. */
export interface Settings {
  readonly issuer: string;
  readonly store: Store;
  /** The first seals, all open. */
  readonly masterSecrets: readonly MasterSecret[];
  readonly keys: Required<KeyOptions>;
  readonly signingService: SigningService | undefined;
  readonly audiences: readonly AudienceProfile[];
  readonly resourceServers: ResourceServers;
  readonly isRevocationFeedPublic: boolean;
  readonly feedFollowers: FollowerLimits;
  readonly statusList: { readonly ttlSeconds: number } | undefined;
  readonly denylist: Denylist | undefined;
  readonly apiTokens: ApiTokenPolicy | undefined;
  /** The issuer's own origin among them. */
  readonly allowedOrigins: ReadonlySet<string>;
  /** `undefined`: there are no clients but your own apps. */
  readonly oauth: OAuthSettings | undefined;
  readonly cookieScope: "path" | "origin";
  readonly dpopNonceRequired: boolean;
  readonly setsAccessCookie: boolean;
  readonly policy: SignInPolicy;
  readonly rateLimits: Omit<AttemptLimitsOptions, "bucketOf" | "observer">;
  readonly mail: MailOptions | undefined;
  readonly hooks: FlowHooks;
  readonly ownUsers: OwnUsers | undefined;
  readonly deviceSignals: DeviceSignals["policy"];
  readonly locate: Locate | undefined;
  readonly auditRetentionDays: number;
  readonly webhooks: readonly WebhookEndpoint[];
  readonly readClientAddress: ReadClientAddress;
  readonly isTrustedProxy: (peer: string | undefined) => boolean;
  readonly hasher: PasswordHasher;
  readonly newPasswords: NewPasswordRules;
  readonly logger: Logger;
  readonly observer: Observer | undefined;
  readonly clock: Clock;
}
