import { accessCookieName, cookieNames, sessionCookieName } from "@latchkey/protocol";
import type { Hono } from "hono";

import { createBackground } from "./adapters/background.ts";
import type { RepeatedTask } from "./adapters/repeated-task.ts";
import type { AuditKeeper } from "./audit/audit-keeper.ts";
import { startAuditKeeper } from "./audit/audit-keeper.ts";
import type { AuditLog } from "./audit/audit-log.ts";
import { createAuditLog } from "./audit/audit-log.ts";
import { startDeliveries } from "./deliveries/deliveries.ts";
import { OPERATOR } from "./domain/event.ts";
import { AuthError } from "./errors.ts";
import { createLocator } from "./adapters/locator.ts";
import { logoutReceivers } from "./back-channel-logout/logout-receivers.ts";
import { withOwnUsers } from "./adapters/own-user-store.ts";
import { askHook } from "./flows/ask-hook.ts";
import { endUserApiTokens } from "./flows/end-api-token.ts";
import { createAttemptLimits } from "./flows/rate-limits.ts";
import { setRoles } from "./flows/set-roles.ts";
import { endUserSessions, userChanged } from "./flows/user-changed.ts";
import type { ConnectionInfo } from "./http/transport-security.ts";
import type { CookieSession } from "./http/authenticate-cookie.ts";
import { authenticateCookie } from "./http/authenticate-cookie.ts";
import type { HttpContext } from "./http/exchange.ts";
import { createApp } from "./http/app.ts";
import { createFollowerPlaces } from "./http/follower-places.ts";
import { createScanLimit } from "./http/oauth/scan-limit.ts";
import { answerWithoutKeys } from "./http/answer-without-keys.ts";
import type { Readiness } from "./http/readiness.ts";
import { createReadiness } from "./http/readiness.ts";
import type { KeyDescription } from "./keys/key-changes.ts";
import { listKeys, revokeKey, rotateKeys } from "./keys/key-changes.ts";
import type { KeyRing } from "./keys/key-ring.ts";
import { openKeyRing } from "./keys/key-ring.ts";
import { keyLines } from "./key-lines.ts";
import { openKeySealer } from "./keys/master-secret.ts";
import type { AuthServerOptions } from "./auth-server-options.ts";
import type { Settings } from "./settings.ts";
import { isInsecureLoopback } from "./issuer-rules.ts";
import { parseOptions } from "./options.ts";
import type { Background } from "./ports/background.ts";
import type { KeySealer } from "./ports/key-sealer.ts";
import { assembleOAuth } from "./oauth-face.ts";
import type { OwnUsers } from "./ports/own-users.ts";
import type { DenylistWriter } from "./revocations/denylist-writer.ts";
import { startDenylistWriter } from "./revocations/denylist-writer.ts";
import type { RevocationFeed } from "./revocations/revocation-feed.ts";
import { createRevocationFeed } from "./revocations/revocation-feed.ts";
import { createRevokedTokens } from "./revocations/revoked-tokens.ts";
import { createPlacedSessionIds, createRandomSessionIds } from "./status-lists/session-ids.ts";
import { createStatusLists } from "./status-lists/status-lists.ts";
import { createAccessTokens } from "./tokens/access-token.ts";
import { createApiTokens } from "./tokens/api-token.ts";
import { createDpopProofs } from "./tokens/dpop-proof.ts";
import { createMailTokens } from "./tokens/mail-token.ts";
import { createRefreshTokens } from "./tokens/refresh-token.ts";
import { createRotatingCsrfTokens } from "./tokens/rotating-csrf-tokens.ts";
import { createRotatingDpopNonces } from "./tokens/rotating-dpop-nonces.ts";
import { webhookReceiver } from "./webhooks/endpoint.ts";

/** An authority: it signs people in and issues their tokens. */
export interface AuthServer {
  readonly issuer: string;
  /** Answers any request below the issuer's URL. Never rejects. */
  fetch(request: Request, connection?: ConnectionInfo): Promise<Response>;
  /**
   * Opens the signing keys, or makes them at the very first start. `fetch` does so by itself; await this at start to
   * learn at once what would keep the server from answering.
   */
  ready(): Promise<void>;
  /**
   * Who sent a request to an app of yours on the authority's origin, by the opaque cookie of `transport: "session"`;
   * `undefined` for nobody. The session is looked up each time, so it counts as soon as it begins and no longer than it lasts.
   *
   * @param csrfToken the CSRF token where a form has it in its body; it is looked for in `X-CSRF-Token` otherwise
   * @throws AuthError but for GET and HEAD: `origin_not_allowed`, `csrf_failed`; `invalid_request` for two cookies of the
   *   name; `unavailable`
   */
  authenticate(request: Request, csrfToken?: string): Promise<CookieSession | undefined>;
  /** Sets a user's roles, by e-mail address; felt at the next refresh. Answers whether there is such a user. */
  setRoles(email: string, roles: readonly string[]): Promise<boolean>;
  /** To be told of what your own code has decided about a user, by the `sub` of their tokens. */
  readonly users: AuthServerUsers;
  /** All keys there are or have been, those of one kind together. */
  listKeys(): Promise<readonly KeyDescription[]>;
  /** Lets the next keys take over as soon as they may; felt by nobody. However many nodes are asked, it is done once. */
  rotateKeys(): Promise<void>;
  /**
   * Emergency: everything signed with this key is dead at once. Answers whether there is a key of this name.
   */
  revokeKey(kid: string): Promise<boolean>;
  /** What happened: to list, export, check and sign. See docs/audit.md. */
  readonly audit: AuditLog;
  /** What there is to do at this moment; for metrics. */
  load(): ServerLoad;
  /** Forgets sessions and API tokens whose time is over, in one small batch; answers how many sessions. To be called now and then. */
  purgeExpiredSessions(): Promise<number>;
  /**
   * From now on `/health/ready` answers that this node is stopping; all else is answered as before. First of all at a stop,
   * so that load balancers send requests elsewhere.
   */
  announceStop(): void;
  /**
   * Ends the streams of the revocation feed, which would otherwise never finish; all else is answered as before. For a
   * server that is about to stop and lets requests under way finish.
   */
  endStreams(): Promise<void>;
  /** Ends streams and closes the store; more than once does no harm. */
  close(): Promise<void>;
}

export interface AuthServerUsers {
  /**
   * What is known of this user has changed: they were disabled or removed, or have other roles or claims. Call it after the
   * change. A user who is disabled or gone is signed out everywhere at once; of any other the tokens issued so far are
   * refreshed before APIs that follow the revocation feed accept them again. Without it each is felt at the next refresh.
   */
  changed(userId: string): Promise<void>;
  /** Signs a user out everywhere; answers how many sessions there were. They may sign in again. */
  endSessions(userId: string): Promise<number>;
  /** Ends all API tokens of a user, which nothing of the above does for one who is neither disabled nor gone; answers how many. */
  endApiTokens(userId: string): Promise<number>;
}

export interface ServerLoad {
  /** For how long the event log has not been read by this node; 0 while nobody follows it. */
  readonly feedLagSeconds: number;
  readonly feedFollowers: number;
  readonly hashing: { readonly running: number; readonly waiting: number };
}

/**
 * Makes an authority from a store and a master secret.
 *
 * @throws ConfigurationError for options that cannot be served safely; it says which and how to mend them
 */
export function createAuthServer(options: AuthServerOptions): AuthServer {
  const settings = settled(parseOptions(options));
  const { store, clock, logger } = settings;
  const background = createBackground(logger);

  let closing: Promise<void> | undefined;
  let loading: Promise<Parts> | undefined;
  let loaded: Parts | undefined;
  const load = (): Promise<Parts> => {
    loading ??= assemble(settings, background).then(
      (parts) => {
        loaded = parts;
        return parts;
      },
      (error: unknown) => {
        loading = undefined;
        throw error;
      },
    );
    return loading;
  };
  const announceStop = (): void => {
    if (loaded !== undefined) loaded.http.readiness.stop();
    else
      void loading?.then(
        ({ http }) => http.readiness.stop(),
        () => undefined,
      );
  };
  const endStreams = async (): Promise<void> => {
    const parts = await loading?.catch(() => undefined);
    parts?.revocationFeed.close();
  };

  const finish = async (): Promise<void> => {
    announceStop();
    await endStreams();
    await background.idle();
    const parts = await loading?.catch(() => undefined);
    await parts?.denylistWriter?.close();
    await parts?.deliveries.close();
    await parts?.auditKeeper.close();
    parts?.keyRing.close();
    await store.close();
  };

  return {
    issuer: settings.issuer,

    async fetch(request, connection = {}) {
      try {
        const { app } = loaded ?? (await load());
        return await app.fetch(request, connection);
      } catch (error) {
        logger.error({ err: error }, "the authority could not open its keys");
        return answerWithoutKeys(request, basePathOf(settings.issuer), !isInsecureLoopback(settings.issuer));
      }
    },

    async ready() {
      await load();
      await store.checkHealth();
    },

    async authenticate(request, csrfToken) {
      try {
        const { http } = await load();
        return await authenticateCookie(http, request, csrfToken);
      } catch (error) {
        if (error instanceof AuthError) throw error;
        throw new AuthError("unavailable", {}, { cause: error });
      }
    },

    setRoles: (email, roles) => setRoles({ store, clock }, email, roles),

    users: {
      changed: (userId) => userChanged({ store, clock }, userId),
      endSessions: (userId) => endUserSessions({ store, clock }, userId, "ended_by_operator"),
      endApiTokens: (userId) =>
        endUserApiTokens({ store, clock }, { userId, reason: "revoked_by_operator", origin: OPERATOR }),
    },

    listKeys: () => listKeys({ store: store.keys, clock }),

    async rotateKeys() {
      const { keyRing } = await load();
      await rotateKeys({ store: store.keys, clock });
      await keyRing.readOn();
    },

    async revokeKey(kid) {
      const { keyRing, sealer } = await load();
      const isKnown = await revokeKey(
        { store: store.keys, sealer, clock, signingService: settings.signingService },
        kid,
      );
      await keyRing.readOn();
      return isKnown;
    },

    audit: createAuditLog({ store, openSealer: async () => (await load()).sealer, clock }),
    load: () => ({
      feedLagSeconds: loaded?.revocationFeed.lagSeconds ?? 0,
      feedFollowers: loaded?.revocationFeed.followers ?? 0,
      hashing: settings.hasher.load ?? { running: 0, waiting: 0 },
    }),

    async purgeExpiredSessions() {
      const now = clock();
      // Their revocations are told for a little longer than they live, and from these rows after a restart.
      const apiTokens = store.apiTokens.purgeApiTokens(now - API_TOKEN_KEPT_SECONDS, PURGE_BATCH);
      const [sessions] = await Promise.all([store.sessions.purgeSessions(now, PURGE_BATCH), apiTokens]);
      return sessions;
    },

    announceStop,

    endStreams,

    close() {
      closing ??= finish();
      return closing;
    },
  };
}

/** With the operator's own users, where there are such, in the store's place. */
function settled(settings: Settings): Settings {
  const { ownUsers, hooks, store } = settings;
  if (ownUsers === undefined) return settings;
  const hook = { name: "users.findUser", timeoutSeconds: hooks.timeoutSeconds };
  const findUser: OwnUsers["findUser"] = (id) => askHook(hook, () => ownUsers.findUser(id));
  return { ...settings, store: withOwnUsers(store, { findUser }) };
}

const PURGE_BATCH = 500;

/** For how long what is known of an API token is kept once it has expired. */
const API_TOKEN_KEPT_SECONDS = 3_600;

interface Parts {
  readonly app: Hono<{ Bindings: ConnectionInfo }>;
  readonly http: HttpContext;
  readonly revocationFeed: RevocationFeed;
  readonly denylistWriter: DenylistWriter | undefined;
  readonly auditKeeper: AuditKeeper;
  readonly deliveries: RepeatedTask;
  readonly keyRing: KeyRing;
  readonly sealer: KeySealer;
}

function basePathOf(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, "");
}

/** For how long the outbox may go unread before this node is no longer ready, in seconds: five of its looks. */
const MAX_FEED_LAG_SECONDS = 5;

function readinessOf(settings: Settings, keyRing: KeyRing, feed: RevocationFeed): Readiness {
  const { store, clock, logger, audiences } = settings;
  return createReadiness({
    logger,
    checks: {
      store_unavailable: () => store.checkHealth(),
      keys_unavailable() {
        keyRing.refreshKeys.at(clock());
        for (const { alg } of audiences) if (alg !== "HS256") keyRing.signingKeyFor(alg);
      },
      revocations_unavailable() {
        if (feed.lagSeconds > MAX_FEED_LAG_SECONDS) throw new Error("the event log has not been read for a while");
      },
    },
  });
}

async function assemble(settings: Settings, background: Background): Promise<Parts> {
  const { issuer, store, clock } = settings;
  const { logger, signingService } = settings;
  const sealer = await openKeySealer(settings.masterSecrets);
  const keyRing = await openKeyRing({
    store: store.keys,
    sealer,
    signingService,
    clock,
    logger,
    lines: keyLines(settings),
  });
  const { refreshKeys } = keyRing;
  const basePath = basePathOf(issuer);
  const secure = !isInsecureLoopback(issuer);
  const accessTokenTtlSeconds = Math.max(...settings.audiences.map((profile) => profile.accessTokenTtlSeconds));
  const revocationFeed = createRevocationFeed({
    issuer,
    events: store.events,
    apiTokens: store.apiTokens,
    keyRing,
    clock,
    logger: settings.logger,
    accessTokenTtlSeconds,
  });
  const { statusList, apiTokens } = settings;
  const hasStatusLists = statusList !== undefined;

  const http: HttpContext = {
    issuer,
    basePath,
    store,
    clock,
    keyRing,
    hasher: settings.hasher,
    observer: settings.observer,
    logger: settings.logger,
    policy: settings.policy,
    attemptLimits: createAttemptLimits({
      ...settings.rateLimits,
      observer: settings.observer,
      bucketOf: (subject) => refreshKeys.at(clock()).bucketOf(subject),
    }),
    newPasswords: settings.newPasswords,
    mail: settings.mail,
    mailTokens: createMailTokens({ issuer, refreshKeys, clock }),
    background,
    deviceSignals: {
      policy: settings.deviceSignals,
      locate: settings.locate && createLocator(settings.locate, logger),
    },
    hooks: settings.hooks,
    ownUsers: settings.ownUsers,
    readClientAddress: settings.readClientAddress,
    isTrustedProxy: settings.isTrustedProxy,
    readiness: readinessOf(settings, keyRing, revocationFeed),
    allowedOrigins: settings.allowedOrigins,
    resourceServers: settings.resourceServers,
    scanLimit: createScanLimit(clock),
    revocationFeed,
    revokedTokens: createRevokedTokens({ feed: revocationFeed, clock }),
    isRevocationFeedPublic: settings.isRevocationFeedPublic,
    followerPlaces: createFollowerPlaces(settings.feedFollowers),
    statusLists: hasStatusLists
      ? createStatusLists({ issuer, feed: revocationFeed, keyRing, clock, accessTokenTtlSeconds, ...statusList })
      : undefined,
    sessionIds: hasStatusLists
      ? createPlacedSessionIds({ places: store.statusPlaces, placeOf: keyRing.statusPlaceOf })
      : createRandomSessionIds(),
    ...assembleOAuth({ settings: settings.oauth, issuer, keyRing, clock, secure }),
    accessTokens: createAccessTokens({
      issuer,
      audiences: settings.audiences,
      clientIds: settings.policy.clientIds,
      keyRing,
      clock,
      hasStatusLists,
    }),
    apiTokens: apiTokens && {
      policy: apiTokens,
      tokens: createApiTokens({
        issuer,
        audiences: settings.audiences.filter(({ audience }) => apiTokens.audiences.includes(audience)),
        keyRing,
        clock,
        hasStatusLists,
      }),
    },
    accessTokenAlgorithms: [...new Set(settings.audiences.map(({ alg }) => alg))],
    keyPublishAheadSeconds: settings.keys.publishAheadSeconds,
    refreshTokens: createRefreshTokens({ issuer, keyRing, clock }),
    secretSchemeAt: (createdAt) => refreshKeys.at(createdAt).secretScheme,
    secretSchemeReplacedUntil: (createdAt) => refreshKeys.replacedUntil(createdAt),
    csrfTokens: createRotatingCsrfTokens(refreshKeys, clock),
    dpopProofs: createDpopProofs({
      issuer,
      nonces: createRotatingDpopNonces(refreshKeys, clock),
      nonceRequired: settings.dpopNonceRequired,
      clock,
    }),
    cookies: {
      names: cookieNames({ secure, scope: settings.cookieScope }),
      secure,
      refreshPath: settings.cookieScope === "origin" ? "/" : `${basePath}/auth`,
      sessionName: sessionCookieName({ secure }),
      ...(settings.setsAccessCookie && { accessName: accessCookieName({ secure }) }),
    },
  };
  const { denylist } = settings;
  const denylistWriter = denylist && startDenylistWriter({ denylist, feed: revocationFeed, clock, logger });
  const auditKeeper = startAuditKeeper({ store, sealer, clock, logger, retentionDays: settings.auditRetentionDays });
  const clients = settings.oauth?.clients.all ?? [];
  const receivers = [
    ...settings.webhooks.map(webhookReceiver),
    ...logoutReceivers({ issuer, clients, sessions: store.sessions, keyRing, clock }),
  ];
  const deliveries = startDeliveries({ store, receivers, clock, logger });
  return {
    app: createApp(http),
    http,
    revocationFeed,
    denylistWriter,
    auditKeeper,
    deliveries,
    keyRing,
    sealer,
  };
}
