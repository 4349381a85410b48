import type { ClientOptions, OAuthOptions } from "./client-options.ts";
import type { AuthEvent } from "./domain/event.ts";
import type { Clock } from "./ports/clock.ts";
import type { Denylist } from "./ports/denylist.ts";
import type { AuthorizeHook, ClaimsHook } from "./ports/hooks.ts";
import type { Locate } from "./ports/locate.ts";
import type { Logger } from "./ports/logger.ts";
import type { Mailer } from "./ports/mailer.ts";
import type { MasterSecret } from "./ports/master-secret.ts";
import type { OwnUsers } from "./ports/own-users.ts";
import type { Observer } from "./ports/observer.ts";
import type { PasswordHasher } from "./ports/password-hasher.ts";
import type { PasswordScreening } from "./ports/password-screening.ts";
import type { RateLimiter } from "./ports/rate-limiter.ts";
import type { SigningService } from "./ports/signing-service.ts";
import type { Store } from "./ports/store.ts";
import type { AccessTokenAlgorithm, AccessTokenType } from "./tokens/audience-profile.ts";

/** What an authority is made of. All durations are whole seconds. */
export interface AuthServerOptions {
  /**
   * The authority's own URL, byte for byte the `iss` of its tokens. `https:`, or `http:` on loopback for development. No
   * trailing slash, query or fragment.
   */
  readonly issuer: string;
  /** Where everything is kept, for example `createSqliteStore({ path })`. */
  readonly store: Store;
  /**
   * Seals the signing keys in the store: at least 32 random bytes, or their base64url or base64 text, or where they are
   * kept, or a key service. Keep it where secrets belong, apart from the database. Of several, the first seals and all open.
   */
  readonly masterSecret: MasterSecret | readonly MasterSecret[];
  readonly keys?: KeyOptions;
  /**
   * Where the private keys of access tokens are made and kept, and sign, in place of this process. Keys that were made before stay
   * where they are until they are rotated.
   */
  readonly signingService?: SigningService;
  /** The APIs that access tokens are for; the first is the default. Without any it is the issuer itself. */
  readonly audiences?: readonly (string | AudienceOptions)[];
  /** Your APIs that ask this authority about tokens: they may introspect them, and follow what is revoked. */
  readonly resourceServers?: readonly ResourceServerOptions[];
  /**
   * Who may follow the revocation feed: `resourceServers` alone (the default), or anybody. It names random ids of sessions,
   * tokens and users, and nothing else.
   */
  readonly revocationFeed?: {
    readonly access?: "resource-servers" | "public";
    /** Of a public feed: how many may follow one node at once besides `resourceServers`. Default: 1,000. */
    readonly maxFollowers?: number;
    /** The same from one network (an IPv4 address, 64 bits of an IPv6 address). Default: 20. */
    readonly maxFollowersPerNetwork?: number;
  };
  /**
   * Whether access tokens name a bit in a public status list (draft-ietf-oauth-status-list) that is set once their session
   * has ended, for verifiers that know nothing of Latchkey. Default: no.
   */
  readonly statusList?: boolean | StatusListSettings;
  /** Where to keep a copy of what is revoked, for gateways that look there, for example `createRedisDenylist({ url })`. */
  readonly denylist?: Denylist;
  /**
   * Whether users may make API tokens: long-lived ones, for programs, which APIs take only if they ask for it. Default: no.
   * There must be `scopes`. See docs/api-tokens.md.
   */
  readonly apiTokens?: boolean | ApiTokenOptions;
  /** Origins (besides the issuer's) whose pages may sign in with cookies, for example `https://app.example.com`. */
  readonly allowedOrigins?: readonly string[];
  /** The scopes a first-party sign-in may ask for, and those it gets when it asks for none (all, by default). */
  readonly scopes?: {
    readonly allowed: readonly string[];
    readonly default?: readonly string[];
    /** The scopes that need a role, by role; all others are for anybody. Felt at the next refresh, like roles. */
    readonly byRole?: Readonly<Record<string, readonly string[]>>;
  };
  /** Code of yours that is asked at sign-in and at every refresh. */
  readonly hooks?: HookOptions;
  /**
   * What to do about a refresh that cannot be of the device that the session is on: another browser or system, or a country
   * too far away for the time between. `notify`: note it and write to the user. `step-up`: refuse it, and let who asked sign
   * in again; the session goes on. `revoke`: end the session. Sessions bound to a key (DPoP) never need it. Default `off`.
   * See docs/device-signals.md.
   */
  readonly deviceSignals?: "off" | "notify" | "step-up" | "revoke";
  /** Where an address is, for example `openMaxmindLocate` of `@latchkey/server/maxmind`. Default: nobody is located. */
  readonly locate?: Locate;
  /** Your own users, in place of accounts in the store: see docs/users.md. */
  readonly users?: OwnUsers;
  /** The names of your own apps; the first is the default. */
  readonly clientIds?: readonly string[];
  /** Apps that are not your own: they get tokens by OAuth 2.1 and OpenID Connect. Default: none. See docs/oauth.md. */
  readonly clients?: readonly ClientOptions[];
  readonly oauth?: OAuthOptions;
  /** Life of access tokens; at most an hour (RFC 6750 §5.3). Default 600. */
  readonly accessTokenTtlSeconds?: number;
  /** A session ends when it has not been refreshed for this long. Default 7 days. */
  readonly sessionIdleSeconds?: number;
  /** A session ends after this long however often it is refreshed. Default 30 days (NIST SP 800-63B-4, AAL1). */
  readonly sessionMaxSeconds?: number;
  /** How many live sessions a user may have; a sign-in past it ends the least recently begun. Default 100. */
  readonly maxSessionsPerUser?: number;
  /** For clients with neither attempt keys nor proofs: how long a repeated refresh counts as a retry. Default 10. */
  readonly retryWindowSeconds?: number;
  readonly cookies?: {
    /** `path` (the default): the refresh cookie travels only to `/auth`. `origin`: to the whole origin, as `__Host-`. */
    readonly scope?: "path" | "origin";
    /**
     * Whether the access token is set as an `HttpOnly` cookie, too: for servers that render pages, and APIs, on the
     * authority's host. Default: false.
     */
    readonly accessToken?: boolean;
  };
  /**
   * Proxies of yours, as addresses or networks (`10.0.0.0/8`): what they say in `X-Forwarded-For` and `X-Forwarded-Proto`
   * is believed, and what anybody else says there is not. Without any, the client is whoever is connected.
   */
  readonly trustedProxies?: readonly string[];
  /**
   * How often passwords may be guessed and accounts be made; `false`: as often as anybody likes, but for consecutive
   * failures of one account.
   */
  readonly rateLimits?: RateLimitOptions | false;
  readonly dpop?: {
    /**
     * `auto` (the default): a nonce is asked for only where a client's clock is wrong, and makes up for it. `required`:
     * every proof must carry one, so that none can be made beforehand; it costs clients a second request now and then.
     */
    readonly nonce?: "auto" | "required";
  };
  /** How to write to users; without it no mail is sent, and there is no way to set a forgotten password anew. */
  readonly mail?: MailOptions;
  /** Whether sign-up may answer `email_taken`. By default nobody learns who has an account. */
  readonly revealEmailTaken?: boolean;
  /** Who is told of what happens, as it happens. See docs/webhooks.md. */
  readonly webhooks?: readonly WebhookOptions[];
  /** For how many days the audit log is kept, 7 to 3650. Default 365. */
  readonly auditRetentionDays?: number;
  /**
   * Whether every refresh is recorded in the audit log, retries too. Each then waits for the disk and adds a row, where a
   * refresh is one cheap statement otherwise. Default: no.
   */
  readonly auditRefreshes?: boolean;
  readonly passwordHasher?: PasswordHasher;
  /** What is asked of new passwords, beyond what is asked of all: see docs/passwords.md. */
  readonly passwords?: PasswordOptions;
  /** Default: none. Never handed a token, password or cookie. */
  readonly logger?: Logger;
  /** For metrics and traces, for example of `@latchkey/server/prometheus`. Default: none, and nothing is spent on it. */
  readonly observer?: Observer;
  readonly clock?: Clock;
}

export interface HookOptions {
  /** Claims for access tokens. What the authority settles itself (`iss`, `sub`, `aud`, `scope`, roles…) they cannot be. */
  readonly claims?: ClaimsHook;
  /** Whether this user may have this session, for this API and these scopes. */
  readonly authorize?: AuthorizeHook;
  /** How long each may take, and each function of `users`; longer is as if it had thrown. Default 3. */
  readonly timeoutSeconds?: number;
}

export interface WebhookOptions {
  /** Names it for as long as it exists: how far it has got is kept under this name. */
  readonly id: string;
  /** `https:`, or on loopback. Whatever it answers, no other URL is asked. */
  readonly url: string;
  /**
   * `whsec_` and base64 of 24 to 64 random bytes, which the receiver has too; or `whsk_` and base64 of an Ed25519 private key,
   * whose public key is enough for receivers. Give several while one replaces another: messages are signed with each.
   */
  readonly secret: string | readonly string[];
  /** The types of events that are told, for example `["session_revoked"]`. Default: all. */
  readonly types?: readonly AuthEvent["type"][];
  /** For how long an answer is waited for, 1 to 30 seconds. Default 10. */
  readonly timeoutSeconds?: number;
}

export interface KeyOptions {
  /** For how long a key signs before the next one does. Default 30 days. */
  readonly rotationSeconds?: number;
  /**
   * For how long a key is published before it signs: longer than anybody keeps the key set without asking again. Default
   * 2 hours, which is how long large gateways keep it.
   */
  readonly publishAheadSeconds?: number;
}

export interface AudienceOptions {
  /** The value of `aud`. */
  readonly audience: string;
  readonly accessTokenTtlSeconds?: number;
  /** What its tokens are signed with. Default ES256. */
  readonly alg?: AccessTokenAlgorithm;
  /** The header's `typ`. Default `at+jwt` (RFC 9068); `JWT` for a consumer that refuses that. */
  readonly typ?: AccessTokenType;
  /** The claim that the user's roles are in, for example `https://example.com/roles`. Default `roles`. */
  readonly rolesClaim?: string;
  /**
   * With HS256, where the API is the authority's own deployment: at least 32 characters from a random generator, whose
   * octets are the key. Whoever has it can make tokens for this API. Give several while one replaces another: the first
   * signs.
   */
  readonly sharedSecret?: string | readonly string[];
}

/** How long API tokens may live, and who may make them. All durations are whole seconds. */
export interface ApiTokenOptions {
  /** Of tokens whose maker names none. Default 90 days. */
  readonly defaultLifetimeSeconds?: number;
  /** At most and by default a year. Their keys are published for as long. */
  readonly maxLifetimeSeconds?: number;
  /** How many live ones a user may have. Default 50. */
  readonly maxPerUser?: number;
  /** How long ago a user may have signed in who makes one. Default 15 minutes. */
  readonly recentAuthenticationSeconds?: number;
}

export interface StatusListSettings {
  /**
   * For how long a verifier may go by the list it has, 5 to 3600 seconds: how long it may take a session that has ended for
   * live, and how often it asks. Default 30.
   */
  readonly ttlSeconds?: number;
}

export interface ResourceServerOptions {
  /** What the API calls itself, in HTTP Basic. */
  readonly id: string;
  /**
   * At least 32 characters from a random generator, for example of `openssl rand -hex 32`. Give several while one replaces
   * another: each is good.
   */
  readonly secret: string | readonly string[];
  /** The audiences whose tokens it may ask about. Default: all. */
  readonly audiences?: readonly string[];
  /** Whether it takes API tokens; otherwise introspection says of each that it is not active. Default: no. */
  readonly apiTokens?: boolean;
}

export interface MailOptions {
  /** For example `createSmtpMailer` of `@latchkey/server/smtp`, or `createFolderMailer` for development. */
  readonly mailer: Mailer;
  /**
   * Pages of yours that the links lead to, `https:` or on loopback; the token is in the fragment (`#token=…`). Written down
   * here, never taken from a request.
   */
  readonly links: {
    readonly verifyEmail: string;
    readonly resetPassword: string;
    /** Without it users cannot change their address. */
    readonly changeEmail?: string | undefined;
  };
  /** Whether to write to users who sign in from a kind of device that is new. Default: yes. */
  readonly newDeviceNotice?: boolean;
  /**
   * Which of a user's sessions end when the e-mail address changes: all but the one that changes it (the default), or none.
   */
  readonly emailChangeEnds?: "other-sessions" | "nothing";
}

export interface PasswordOptions {
  /** What your service is called: no password may be built from it. The words of the issuer's host are among them anyway. */
  readonly serviceNames?: readonly string[];
  /** Whether new passwords are looked up among those known from breaches. Default: no, since that asks somebody else. */
  readonly breached?: {
    /** For example `createPwnedPasswords()`. */
    readonly screening: PasswordScreening;
    /** What to do with a new password while nobody can be asked. Default: `allow` it, with a warning and an event. */
    readonly onUnavailable?: "allow" | "refuse";
  };
}

/** Whatever is left out is as in `DEFAULT_RATE_LIMITS`. */
export interface RateLimitOptions {
  /** Where it is counted. Default: in memory. Several nodes share `createPostgresRateLimiter` or `createRedisRateLimiter`. */
  readonly limiter?: RateLimiter;
  /** Wrong passwords for one account. Default: 10 in 15 minutes. */
  readonly failuresPerAccount?: { readonly points: number; readonly windowSeconds: number };
  /**
   * From the so many-th wrong password for one account on, the next is held off: so long at first (at least 5 seconds), each
   * time twice as long. Default: 5 seconds after the fifth. As many are checked at once, less one.
   */
  readonly delayPerAccount?: { readonly afterFailures: number; readonly seconds: number };
  /** Wrong passwords from one IPv4 address or IPv6 /64. Default: 50 in 10 minutes. */
  readonly failuresPerNetwork?: { readonly points: number; readonly windowSeconds: number };
  /** Default: 20 in an hour. */
  readonly signUpsPerNetwork?: { readonly points: number; readonly windowSeconds: number };
  /** Authorization requests that are pushed in the names of public clients. Default: 300 in 10 minutes. */
  readonly pushedRequestsPerNetwork?: { readonly points: number; readonly windowSeconds: number };
  /**
   * Wrong credentials of one client or resource server, and codes that are none of one public client; each node counts for itself,
   * and the right ones are taken all the same. Default: 100 in 10 minutes.
   */
  readonly clientFailuresPerNetwork?: { readonly points: number; readonly windowSeconds: number };
  /** Wrong passwords for one account in a row; past that none is right until it is set anew. At most 100, the default. */
  readonly consecutiveFailures?: number;
}
