import type { AcceptedToken } from "../check-access-token.ts";
import type { IssuerEndpoints } from "../discovery.ts";
import type { Refusal } from "../errors.ts";
import type { KeySet } from "../key-set.ts";
import type { Settings } from "../options.ts";
import { createBatchReader } from "./batch-reader.ts";
import { type FeedFailure, feedFailure } from "./feed-failure.ts";
import { createFeedFollower } from "./feed-follower.ts";
import { createFeedKnowledge } from "./feed-knowledge.ts";
import { createIntrospector, type Introspector } from "./introspector.ts";
import type { RevocationSettings } from "./revocation-options.ts";
import { createRevocationSet } from "./revocation-set.ts";

/**
 * `off`: revocations are not followed. `connecting`: nothing was heard yet. `following` and `polling`: heard within
 * `maxStalenessSeconds`, over a stream, or by asking each second. `stale`: not heard within that time.
 */
export type RevocationState = "off" | "connecting" | "following" | "polling" | "stale";

export interface RevocationStatus {
  readonly state: RevocationState;
  /** Seconds since the authority knew no more than this verifier; `undefined` where nothing was heard yet. */
  readonly ageSeconds: number | undefined;
  /** How many revocations are held, those that have had their time and are not yet forgotten included. */
  readonly entries: number;
  /** How far the feed was heard. */
  readonly cursor: string | undefined;
  /** How often a connection was begun after the first. */
  readonly reconnects: number;
  /** What went wrong last; `undefined` while all is well. */
  readonly failure: FeedFailure | undefined;
}

/** What this verifier knows of revocations, and what it makes of it. */
export interface Revocations {
  /** What the issuer offers, as often as its metadata was read. */
  offer(endpoints: IssuerEndpoints): void;
  /**
   * Why a token that is good in itself is refused. One comparison of numbers while nothing was revoked since the token was
   * asked about; a promise only where the authority has to be asked.
   */
  findRefusal(accepted: AcceptedToken, text: string): Refusal | undefined | Promise<Refusal | undefined>;
  /** Resolves once the feed was heard whole, or is not to be followed; else with why it cannot be. */
  ready(): Promise<FeedFailure | undefined>;
  /** Whether the feed was heard whole, ever. */
  readonly isHeard: boolean;
  status(): RevocationStatus;
  close(): void;
}

/** Soon: the feed is tried again every few seconds. */
const RETRY_AFTER_SECONDS = 2;

export function createRevocations(settings: Settings, keySet: KeySet): Revocations {
  return settings.revocation === undefined ? IGNORED : createFollowed(settings, settings.revocation, keySet);
}

function createFollowed(settings: Settings, wanted: RevocationSettings, keySet: KeySet): Revocations {
  const { issuer, fetch, clock, leewaySeconds } = settings;
  const { authorize, maxStalenessSeconds, onStale } = wanted;
  const set = createRevocationSet();
  const readBatch = createBatchReader({ issuer, keySet, isKeyRevoked: set.isKeyRevoked, leewaySeconds, clock });
  const knowledge = createFeedKnowledge({ set, readBatch, leewaySeconds, clock });
  const follower = createFeedFollower({ fetch, authorize, knowledge });
  let offered: IssuerEndpoints | undefined;
  let isFollowing = false;
  let hindrance: FeedFailure | undefined;
  const introspector: Introspector | undefined =
    onStale === "introspect" && authorize !== undefined
      ? createIntrospector({ findEndpoint: () => offered?.introspection, authorize, fetch })
      : undefined;

  function isStale(): boolean {
    return knowledge.ageSeconds() > maxStalenessSeconds;
  }

  async function askAuthority(text: string): Promise<Refusal | undefined> {
    const answer = (await introspector?.ask(text)) ?? "unknown";
    if (answer === "active") return undefined;
    if (answer === "inactive") return { code: "invalid_token", reason: "revoked_by_introspection" };
    return { code: "unavailable", reason: "no_introspection", retryAfterSeconds: RETRY_AFTER_SECONDS };
  }

  function stateOf(): RevocationState {
    if (!isFollowing) return "off";
    if (knowledge.cursor === null) return "connecting";
    if (isStale()) return "stale";
    if (follower.channel === undefined) return "connecting";
    return follower.channel === "stream" ? "following" : "polling";
  }

  return {
    offer(endpoints) {
      offered = endpoints;
      hindrance = findHindrance(endpoints, wanted);
      if (hindrance !== undefined) return;
      const { urls } = wanted;
      const { revocationFeed } = endpoints;
      if (urls.length === 0 && revocationFeed === undefined) return;
      isFollowing = true;
      follower.follow(revocationFeed === undefined || urls.length > 0 ? urls : [revocationFeed.url]);
    },

    findRefusal(accepted, text) {
      if (accepted.foundAliveAt !== set.version) {
        const refusal = set.findRevocation(accepted.token);
        if (refusal !== undefined) return refusal;
        accepted.foundAliveAt = set.version;
      }
      // Where nobody asked for the feed and there is none to follow, there is nothing to be stale.
      // An API token would be accepted for as long as a year: it is good only as long as revocations are heard of.
      if ((onStale === "accept-until-expiry" && accepted.token.kind !== "api-token") || !isStale()) return undefined;
      if (onStale === "introspect") return askAuthority(text);
      return { code: "unavailable", reason: "stale_revocations", retryAfterSeconds: RETRY_AFTER_SECONDS };
    },

    get isHeard() {
      return knowledge.cursor !== null;
    },

    async ready() {
      if (hindrance !== undefined) return wanted.isRequired ? hindrance : undefined;
      if (!isFollowing) return undefined;
      if (introspector !== undefined && offered?.introspection === undefined) return NO_INTROSPECTION;
      return follower.firstOutcome();
    },

    status() {
      const age = knowledge.ageSeconds();
      return {
        state: stateOf(),
        ageSeconds: Number.isFinite(age) ? Math.floor(age) : undefined,
        entries: set.size,
        cursor: knowledge.cursor ?? undefined,
        reconnects: follower.reconnects,
        failure: hindrance ?? follower.failure,
      };
    },

    close() {
      isFollowing = false;
      follower.close();
      introspector?.close();
    },
  };
}

const NO_INTROSPECTION = feedFailure(
  "not_offered",
  'The issuer\'s metadata names no introspection_endpoint, which onStale: "introspect" needs.',
);

/** Why the feed is not even tried. */
function findHindrance(endpoints: IssuerEndpoints, wanted: RevocationSettings): FeedFailure | undefined {
  const { revocationFeed } = endpoints;
  if (wanted.urls.length > 0) return undefined;
  if (revocationFeed === undefined) {
    if (!wanted.isRequired) return undefined;
    return feedFailure(
      "not_offered",
      "The issuer's metadata names no revocation_feed_endpoint. Name this API in the authority's resourceServers, or open " +
        'the feed there with revocationFeed: { access: "public" }.',
    );
  }
  if (revocationFeed.isPublic || wanted.authorize !== undefined) return undefined;
  return feedFailure(
    "no_credentials",
    "The issuer has a revocation feed for its resource servers. Follow it with revocation: { credentials: { id, secret } }, " +
      "as in the authority's resourceServers.",
  );
}

const IGNORED: Revocations = {
  offer: () => undefined,
  findRefusal: () => undefined,
  ready: () => Promise.resolve(undefined),
  isHeard: false,
  status: () => ({
    state: "off",
    ageSeconds: undefined,
    entries: 0,
    cursor: undefined,
    reconnects: 0,
    failure: undefined,
  }),
  close: () => undefined,
};
