import { z } from "zod";

import { createArgon2Hasher } from "./adapters/argon2-hasher.ts";
import { observeStore } from "./adapters/observed-store.ts";
import type { AuthServerOptions } from "./auth-server-options.ts";
import type { ApiTokenPolicy } from "./domain/api-token.ts";
import { isEventType } from "./domain/event.ts";
import { ConfigurationError } from "./errors.ts";
import { createClientAddress, createTrustedProxies } from "./http/client-address.ts";
import type { ResourceServers } from "./http/resource-server-authentication.ts";
import { createResourceServers, MIN_RESOURCE_SERVER_SECRET_LENGTH } from "./http/resource-server-authentication.ts";
import { isInsecureLoopback, issuerFault } from "./issuer-rules.ts";
import { decodeMasterSecret } from "./keys/master-secret.ts";
import { describeFault } from "./option-fault.ts";
import {
  isEndpointUrl,
  isFunction,
  isMasterSecret,
  isObject,
  isOrigin,
  isOwnUsers,
  isPageUrl,
} from "./option-values.ts";
import { clientsSchema, createOAuthSettings, oauthSchema, withIssuer } from "./oauth-clients.ts";
import type { Clock } from "./ports/clock.ts";
import type { Denylist } from "./ports/denylist.ts";
import type { AuthorizeHook, ClaimsHook } from "./ports/hooks.ts";
import type { Locate } from "./ports/locate.ts";
import type { Mailer } from "./ports/mailer.ts";
import type { MasterSecret } from "./ports/master-secret.ts";
import type { OwnUsers } from "./ports/own-users.ts";
import type { Logger } from "./ports/logger.ts";
import type { Observer } from "./ports/observer.ts";
import type { PasswordHasher } from "./ports/password-hasher.ts";
import type { PasswordScreening } from "./ports/password-screening.ts";
import type { SigningService } from "./ports/signing-service.ts";
import type { Store } from "./ports/store.ts";
import { rateLimitsOf, rateLimitsSchema } from "./rate-limit-options.ts";
import type { Settings } from "./settings.ts";
import type { AudienceProfile } from "./tokens/audience-profile.ts";
import { ACCESS_TOKEN_ALGORITHMS, createAudienceProfile } from "./tokens/audience-profile.ts";
import { parseWebhookSecret } from "./webhooks/key.ts";

const DAY = 86_400;
const ttl = z.int().min(1).max(3_600);
const scopeToken = z.string().regex(/^[\u0021\u0023-\u005B\u005D-\u007E]+$/, "is no scope (RFC 6749 §3.3)");
const name = z.string().min(1).max(255);

/** What an id and a secret may be made of (RFC 6749 appendix A). */
const printable = z.string().regex(/^[\u0020-\u007E]+$/, "must be printable ASCII");
const secret = printable.min(
  MIN_RESOURCE_SERVER_SECRET_LENGTH,
  `must have at least ${MIN_RESOURCE_SERVER_SECRET_LENGTH} characters. Make one with: openssl rand -hex 32`,
);

const resourceServer = z.strictObject({
  id: printable.max(255),
  secret: z.preprocess((value): unknown => (Array.isArray(value) ? value : [value]), z.array(secret).min(1).max(4)),
  audiences: z.array(name).min(1).optional(),
  apiTokens: z.boolean().default(false),
});

const audienceOptions = z.strictObject({
  audience: name,
  accessTokenTtlSeconds: ttl.optional(),
  alg: z.enum(ACCESS_TOKEN_ALGORITHMS).optional(),
  typ: z.enum(["at+jwt", "JWT"]).optional(),
  rolesClaim: name.optional(),
  sharedSecret: z
    .preprocess((value): unknown => (typeof value === "string" ? [value] : value), z.array(secret).min(1).max(4))
    .optional(),
});

const webhook = z.strictObject({
  id: z.string().regex(/^[\w.-]{1,64}$/, "must be 1 to 64 letters, digits, dots, dashes or underscores"),
  url: z.string().refine(isEndpointUrl, "must be an https: URL without user or fragment; http: on loopback alone"),
  secret: z
    .preprocess((value): unknown => (Array.isArray(value) ? value : [value]), z.array(z.string()).min(1).max(4))
    .transform((secrets, context) =>
      secrets.flatMap((one) => {
        const key = parseWebhookSecret(one);
        if (key === undefined) context.addIssue({ code: "custom", message: WEBHOOK_SECRET_HINT });
        return key ?? [];
      }),
    ),
  types: z.array(z.string().refine(isEventType, "is no type of event")).min(1).optional(),
  timeoutSeconds: z.int().min(1).max(30).default(10),
});

const pageUrl = z.string().refine(isPageUrl, "must be an https: URL without fragment; http: on loopback alone");

const optionsSchema = z.strictObject({
  issuer: z.string().superRefine(checkIssuer),
  store: z.custom<Store>((value) => typeof value === "object" && value !== null, "is missing: give it a store"),
  masterSecret: z.preprocess(
    (value): unknown => (Array.isArray(value) ? value : [value]),
    z
      .array(z.custom<MasterSecret>(isMasterSecret, "must be text, bytes, a secret provider or a key service"))
      .min(1)
      .max(8),
  ),
  keys: z
    .strictObject({
      rotationSeconds: z
        .int()
        .min(10)
        .max(2 * 365 * DAY)
        .default(30 * DAY),
      publishAheadSeconds: z
        .int()
        .min(2)
        .max(7 * DAY)
        .default(7_200),
    })
    .default({ rotationSeconds: 30 * DAY, publishAheadSeconds: 7_200 }),
  signingService: z.custom<SigningService>((value) => typeof value === "object" && value !== null).optional(),
  audiences: z
    .array(z.union([name, audienceOptions]))
    .min(1)
    .optional(),
  resourceServers: z.array(resourceServer).default([]),
  revocationFeed: z
    .strictObject({
      access: z.enum(["resource-servers", "public"]).default("resource-servers"),
      maxFollowers: z.int().min(1).max(1_000_000).default(1_000),
      maxFollowersPerNetwork: z.int().min(1).max(1_000_000).default(20),
    })
    .prefault({}),
  statusList: z.preprocess(
    (value) => (value === true ? {} : value === false ? undefined : value),
    z.strictObject({ ttlSeconds: z.int().min(5).max(3_600).default(30) }).optional(),
  ),
  denylist: z.custom<Denylist>((value) => typeof value === "object" && value !== null).optional(),
  apiTokens: z.preprocess(
    (value) => (value === true ? {} : value === false ? undefined : value),
    z
      .strictObject({
        defaultLifetimeSeconds: z
          .int()
          .min(60)
          .max(366 * DAY)
          .default(90 * DAY),
        maxLifetimeSeconds: z
          .int()
          .min(60)
          .max(366 * DAY)
          .default(365 * DAY),
        maxPerUser: z.int().min(1).max(1_000).default(50),
        recentAuthenticationSeconds: z.int().min(60).max(DAY).default(900),
      })
      .optional(),
  ),
  allowedOrigins: z.array(z.string().refine(isOrigin, "is no origin: scheme, host and port alone")).default([]),
  scopes: z
    .strictObject({
      allowed: z.array(scopeToken),
      default: z.array(scopeToken).optional(),
      byRole: z.record(name, z.array(scopeToken)).default({}),
    })
    .default({ allowed: [], byRole: {} }),
  hooks: z
    .strictObject({
      claims: z.custom<ClaimsHook>(isFunction, "must be a function").optional(),
      authorize: z.custom<AuthorizeHook>(isFunction, "must be a function").optional(),
      timeoutSeconds: z.number().min(0.01).max(30).default(3),
    })
    .default({ timeoutSeconds: 3 }),
  deviceSignals: z.enum(["off", "notify", "step-up", "revoke"]).default("off"),
  locate: z.custom<Locate>(isFunction, "must be a function").optional(),
  users: z.custom<OwnUsers>(isOwnUsers, "must have the functions authenticate and findUser").optional(),
  clientIds: z.array(name).min(1).default(["first-party"]),
  clients: clientsSchema.default([]),
  oauth: oauthSchema.default({}),
  accessTokenTtlSeconds: ttl.default(600),
  sessionIdleSeconds: z
    .int()
    .min(60)
    .max(365 * DAY)
    .default(7 * DAY),
  sessionMaxSeconds: z
    .int()
    .min(60)
    .max(365 * DAY)
    .default(30 * DAY),
  maxSessionsPerUser: z.int().min(1).max(10_000).default(100),
  retryWindowSeconds: z.int().min(0).max(60).default(10),
  trustedProxies: z.array(z.string()).default([]),
  rateLimits: rateLimitsSchema,
  dpop: z.strictObject({ nonce: z.enum(["auto", "required"]).default("auto") }).default({ nonce: "auto" }),
  cookies: z
    .strictObject({ scope: z.enum(["path", "origin"]).default("path"), accessToken: z.boolean().default(false) })
    .default({ scope: "path", accessToken: false }),
  mail: z
    .strictObject({
      mailer: z.custom<Mailer>((value) => typeof value === "object" && value !== null, "is missing: give it a mailer"),
      links: z.strictObject({ verifyEmail: pageUrl, resetPassword: pageUrl, changeEmail: pageUrl.optional() }),
      newDeviceNotice: z.boolean().default(true),
      emailChangeEnds: z.enum(["other-sessions", "nothing"]).default("other-sessions"),
    })
    .optional(),
  revealEmailTaken: z.boolean().default(false),
  auditRetentionDays: z.int().min(7).max(3_650).default(365),
  webhooks: z
    .array(webhook)
    .max(20)
    .refine((all) => new Set(all.map(({ id }) => id)).size === all.length, "there are two with the same id")
    .default([]),
  auditRefreshes: z.boolean().default(false),
  passwordHasher: z.custom<PasswordHasher>((value) => typeof value === "object" && value !== null).optional(),
  passwords: z
    .strictObject({
      serviceNames: z.array(name).default([]),
      breached: z
        .strictObject({
          screening: z.custom<PasswordScreening>(isObject, "is missing: give it one, as createPwnedPasswords()"),
          onUnavailable: z.enum(["allow", "refuse"]).default("allow"),
        })
        .optional(),
    })
    .default({ serviceNames: [] }),
  logger: z.custom<Logger>((value) => typeof value === "object" && value !== null).optional(),
  observer: z.custom<Observer>((value) => typeof value === "object" && value !== null).optional(),
  clock: z.custom<Clock>((value) => typeof value === "function").optional(),
});

/** @throws ConfigurationError that names each option and says how to mend it */
export function parseOptions(options: AuthServerOptions): Settings {
  const parsed = optionsSchema.safeParse(options, { error: describeFault });
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `  ${issue.path.join(".") || "options"}: ${issue.message}`);
    throw new ConfigurationError(`The authority cannot start with these options:\n${faults.join("\n")}`);
  }
  const given = parsed.data;
  if (given.sessionIdleSeconds > given.sessionMaxSeconds) {
    throw new ConfigurationError("sessionIdleSeconds: must not be longer than sessionMaxSeconds.");
  }
  if (given.keys.publishAheadSeconds >= given.keys.rotationSeconds) {
    throw new ConfigurationError("keys.publishAheadSeconds: must be shorter than keys.rotationSeconds.");
  }
  const plain = given.allowedOrigins.find((origin) => origin.startsWith("http:") && !isInsecureLoopback(origin));
  if (plain !== undefined) {
    throw new ConfigurationError(`allowedOrigins: ${plain} must be https: anybody on the network can speak for it.`);
  }
  const defaultScopes = given.scopes.default ?? given.scopes.allowed;
  if (!defaultScopes.every((scope) => given.scopes.allowed.includes(scope))) {
    throw new ConfigurationError("scopes.default: must be among scopes.allowed.");
  }
  const { byRole } = given.scopes;
  const unknown = Object.values(byRole)
    .flat()
    .find((scope) => !given.scopes.allowed.includes(scope));
  if (unknown !== undefined) throw new ConfigurationError(`scopes.byRole: ${unknown} is not among scopes.allowed.`);
  const audiences = (given.audiences ?? [given.issuer]).map((entry): AudienceProfile => {
    const request = typeof entry === "string" ? { audience: entry } : entry;
    return createAudienceProfile({
      ...request,
      accessTokenTtlSeconds: request.accessTokenTtlSeconds ?? given.accessTokenTtlSeconds,
    });
  });
  const audienceNames = audiences.map((profile) => profile.audience);
  const named = audienceNames.find((audience, index) => audienceNames.indexOf(audience) !== index);
  if (named !== undefined) throw new ConfigurationError(`audiences: there are two named ${named}.`);
  const allowedOrigins = new Set([new URL(given.issuer).origin, ...given.allowedOrigins]);
  const oauth = createOAuthSettings({ ...given, audiences: audienceNames, allowedOrigins });
  return {
    issuer: given.issuer,
    store: given.observer === undefined ? given.store : observeStore(given.store, given.observer),
    masterSecrets: given.masterSecret.map((secret) =>
      typeof secret === "string" || secret instanceof Uint8Array ? decodeMasterSecret(secret) : secret,
    ),
    keys: given.keys,
    signingService: given.signingService,
    audiences: oauth === undefined ? audiences : withIssuer(audiences, given),
    resourceServers: resourceServersOf(given.resourceServers, audienceNames),
    rateLimits: rateLimitsOf(given.rateLimits),
    readClientAddress: createClientAddress(given.trustedProxies),
    isTrustedProxy: createTrustedProxies(given.trustedProxies),
    mail: given.mail,
    hooks: { claims: given.hooks.claims, authorize: given.hooks.authorize, timeoutSeconds: given.hooks.timeoutSeconds },
    ownUsers: given.users,
    deviceSignals: given.deviceSignals,
    locate: given.locate,
    auditRetentionDays: given.auditRetentionDays,
    webhooks: given.webhooks.map(({ id, url, secret: keys, types, timeoutSeconds }) => ({
      id,
      url,
      keys,
      types: types && new Set(types),
      timeoutMs: timeoutSeconds * 1_000,
    })),
    statusList: given.statusList,
    denylist: given.denylist,
    apiTokens: apiTokenPolicyOf(given, audiences),
    isRevocationFeedPublic: given.revocationFeed.access === "public",
    feedFollowers: {
      perNode: given.revocationFeed.maxFollowers,
      perNetwork: given.revocationFeed.maxFollowersPerNetwork,
    },
    allowedOrigins,
    oauth,
    cookieScope: given.cookies.scope,
    dpopNonceRequired: given.dpop.nonce === "required",
    setsAccessCookie: given.cookies.accessToken,
    policy: {
      limits: { idleSeconds: given.sessionIdleSeconds, maxSeconds: given.sessionMaxSeconds },
      maxSessionsPerUser: given.maxSessionsPerUser,
      retryWindowSeconds: given.retryWindowSeconds,
      scopes: { allowed: given.scopes.allowed, default: defaultScopes, byRole },
      audiences: audienceNames,
      clientIds: given.clientIds,
      noticesNewDevices: given.mail?.newDeviceNotice ?? true,
      emailChangeEnds: given.mail?.emailChangeEnds ?? "other-sessions",
      revealEmailTaken: given.revealEmailTaken,
      auditRefreshes: given.auditRefreshes,
    },
    hasher: given.passwordHasher ?? createArgon2Hasher(),
    newPasswords: {
      serviceNames: [new URL(given.issuer).hostname, ...given.passwords.serviceNames],
      breached: given.passwords.breached,
    },
    logger: given.logger ?? SILENT,
    observer: given.observer,
    clock: given.clock ?? (() => Math.floor(Date.now() / 1000)),
  };
}

const SILENT: Logger = { info: () => undefined, warn: () => undefined, error: () => undefined };

function checkIssuer(issuer: string, context: z.core.$RefinementCtx<string>): void {
  const fault = issuerFault(issuer);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
}

function resourceServersOf(
  given: readonly z.infer<typeof resourceServer>[],
  known: readonly string[],
): ResourceServers {
  const ids = given.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new ConfigurationError(`resourceServers: there are two with the id ${twice}.`);
  for (const { id, audiences = [] } of given) {
    const unknown = audiences.find((audience) => !known.includes(audience));
    if (unknown !== undefined) {
      throw new ConfigurationError(`resourceServers: ${id} names ${unknown}, which is not among audiences.`);
    }
  }
  return createResourceServers(
    given.map(({ id, secret: secrets, audiences = known, apiTokens: takesApiTokens }) => ({
      id,
      secrets,
      audiences: new Set(audiences),
      takesApiTokens,
    })),
  );
}

/**
 * There are none for an API with HS256, which could make them itself and so would be believed for a year, nor for one whose
 * tokens are of the type `JWT`, which tells no kinds of tokens apart.
 */
function apiTokenPolicyOf(
  { apiTokens, scopes }: z.infer<typeof optionsSchema>,
  profiles: readonly AudienceProfile[],
): ApiTokenPolicy | undefined {
  if (apiTokens === undefined) return undefined;
  const audiences = profiles.filter(({ alg, typ }) => alg !== "HS256" && typ !== "JWT").map(({ audience }) => audience);
  if (audiences.length === 0) {
    throw new ConfigurationError("apiTokens: need an audience with keys of the authority's own and the type at+jwt.");
  }
  if (scopes.allowed.length === 0) {
    throw new ConfigurationError("apiTokens: need scopes.allowed: a token without scope would be good for everything.");
  }
  if (apiTokens.defaultLifetimeSeconds > apiTokens.maxLifetimeSeconds) {
    throw new ConfigurationError("apiTokens.defaultLifetimeSeconds: must not be longer than maxLifetimeSeconds.");
  }
  return { ...apiTokens, audiences };
}

const WEBHOOK_SECRET_HINT =
  'must be "whsec_" and base64 of 24 to 64 random bytes, or "whsk_" and base64 of an Ed25519 private key. Make one with: ' +
  'echo "whsec_$(openssl rand -base64 32)"';
