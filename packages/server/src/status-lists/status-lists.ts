import { createHash } from "node:crypto";

import { STATUS_LIST_TYPE, statusListUrl } from "@latchkey/protocol";

import { statusPlaceOf } from "../domain/status-place.ts";
import type { AccessKey } from "../keys/access-key.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import type { Clock } from "../ports/clock.ts";
import type { ExpiringKeys } from "../revocations/expiring-keys.ts";
import { createExpiringKeys } from "../revocations/expiring-keys.ts";
import type { RevocationFeed } from "../revocations/revocation-feed.ts";
import { encodeStatusList } from "./encode-status-list.ts";

/** A status list token, and a name for exactly this one. */
export interface SignedStatusList {
  readonly jwt: string;
  readonly etag: string;
}

/**
 * The authority's status lists (draft-ietf-oauth-status-list): which sessions have ended, for whoever knows nothing of
 * Latchkey. A session's bit is set as long as an access token of it may live, and then cleared again. Of what is revoked
 * otherwise, a single token or old rights, a bit for the session cannot tell.
 */
export interface StatusLists {
  /** For how long a list may be kept by who fetched it, in seconds. */
  readonly ttlSeconds: number;
  /**
   * The list of this number, which knows of everything answered before; every number has one.
   *
   * @throws where the store cannot be read
   */
  read(number: number): Promise<SignedStatusList>;
}

export interface StatusListOptions {
  readonly issuer: string;
  readonly feed: Pick<RevocationFeed, "subscribe" | "catchUp">;
  readonly keyRing: KeyRing;
  readonly clock: Clock;
  readonly ttlSeconds: number;
  /** The longest life of any access token, in seconds. */
  readonly accessTokenTtlSeconds: number;
}

interface StatusListState {
  readonly revoked: ExpiringKeys<number>;
  /** The list as it was signed last; `undefined` once it holds more. */
  signed: { readonly at: number; readonly key: AccessKey; readonly token: Promise<SignedStatusList> } | undefined;
}

/** How many lists are kept in which nothing is revoked; whoever asks for more of them has them signed each time. */
const KEPT_LISTS = 256;

export function createStatusLists(options: StatusListOptions): StatusLists {
  const { issuer, feed, keyRing, clock, ttlSeconds } = options;
  // Whoever cannot fetch a list goes on with the last one for as long as tokens live that were issued before it.
  const lifetimeSeconds = Math.max(options.accessTokenTtlSeconds, 3 * ttlSeconds);
  const lists = new Map<number, StatusListState>();
  let isSubscribed = false;

  const listOf = (number: number): StatusListState => {
    const list = lists.get(number) ?? { revoked: createExpiringKeys<number>(clock), signed: undefined };
    lists.set(number, list);
    return list;
  };

  const subscribe = (): void => {
    isSubscribed = true;
    feed.subscribe((revocations) => {
      for (const { kind, id, until } of revocations) {
        // An API token belongs to no session, and has a place of its own; no other token has one.
        const place = kind === "session" || kind === "token" ? statusPlaceOf(id) : undefined;
        if (place === undefined) continue;
        const list = listOf(place.list);
        list.revoked.add(place.index, until);
        list.signed = undefined;
      }
    });
  };

  const sign = async (
    list: { readonly number: number; readonly revoked: readonly number[] },
    key: AccessKey,
    now: number,
  ): Promise<SignedStatusList> => {
    const { number, revoked } = list;
    const claims = {
      iss: issuer,
      sub: statusListUrl(issuer, number),
      iat: now,
      exp: now + lifetimeSeconds,
      ttl: ttlSeconds,
      status_list: await encodeStatusList(revoked),
    };
    const jwt = await key.sign(claims, { typ: STATUS_LIST_TYPE });
    return { jwt, etag: `"${createHash("sha256").update(jwt).digest("base64url").slice(0, 22)}"` };
  };

  const forgetUnused = (): void => {
    for (const [number, { revoked }] of lists) {
      if (lists.size <= KEPT_LISTS) return;
      if (revoked.keys().length === 0) lists.delete(number);
    }
  };

  return {
    ttlSeconds,
    async read(number) {
      // Here and not at the start: an authority whose lists nobody reads keeps none.
      if (!isSubscribed) subscribe();
      await feed.catchUp();
      const list = listOf(number);
      const now = clock();
      const key = keyRing.signingKey;
      // A key that signs no more may have been revoked.
      if (list.signed?.key !== key || Math.abs(now - list.signed.at) >= ttlSeconds / 2) {
        const token = sign({ number, revoked: list.revoked.keys() }, key, now);
        list.signed = { at: now, key, token };
        // One that could not be signed is tried again.
        token.catch(() => list.signed?.token === token && (list.signed = undefined));
        forgetUnused();
      }
      return list.signed.token;
    },
  };
}
