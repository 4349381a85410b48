import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";

import { FEED_HEARTBEAT_SECONDS, formatBatch, partCursor, REVOCATION_BATCH_TYPE } from "@latchkey/protocol";
import type { Revocation } from "@latchkey/protocol";

import type { AuthEvent } from "../domain/event.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import type { Clock } from "../ports/clock.ts";
import type { ApiTokenStore } from "../ports/api-token-store.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { Logger } from "../ports/logger.ts";
import { splitIntoBatches } from "./batch-size.ts";
import { createLiveRevocations } from "./live-revocations.ts";
import type { OutboxPosition } from "./outbox-position.ts";
import { formatCursor, holdsPosition, parseCursor } from "./outbox-position.ts";
import { createOutboxReader } from "./outbox-reader.ts";
import {
  apiTokenRevocation,
  isPublishedKey,
  KEY_REVOCATION_SECONDS,
  revocationsOf,
  SLACK_SECONDS,
} from "./revocations-of-event.ts";

/** A batch as it travels. */
export interface SignedBatch {
  /** Where its reader is then. */
  readonly cursor: string;
  /** Compact JWS; see the protocol's `RevocationBatch`. */
  readonly jws: string;
}

/**
 * This node's half of the revocation feed: it reads the outbox that all nodes write, keeps what can still matter, and
 * tells whoever follows. It reads from the first time it is asked for anything until it is closed.
 */
export interface RevocationFeed {
  /**
   * What there is to know after a cursor, up to now; a snapshot where there is no cursor, or none that this outbox knows.
   *
   * @throws where the store cannot be read
   */
  read(after: string | undefined): AsyncGenerator<SignedBatch, void>;
  /**
   * The same, and then a batch whenever there is news, and at least every {@link FEED_HEARTBEAT_SECONDS} as long as the
   * store can be read. Ends when the feed is closed.
   */
  follow(after: string | undefined): AsyncGenerator<SignedBatch, void>;
  /**
   * Calls the listener with all that is live, and then with what comes, once each. For what lists revocations otherwise.
   * Answers what ends that.
   */
  subscribe(listener: (revocations: readonly Revocation[]) => void): () => void;
  /** Rejects where the store cannot be read. Resolves once everything answered until now is known. */
  catchUp(): Promise<void>;
  /** For how long nothing has been read, in seconds, whether or not there was news; 0 while nobody has asked for anything. */
  readonly lagSeconds: number;
  /** How many follow it. */
  readonly followers: number;
  close(): void;
}

export interface RevocationFeedOptions {
  readonly issuer: string;
  readonly events: EventLog;
  /** API tokens live longer than the log is read back: those revoked before come from here. */
  readonly apiTokens: Pick<ApiTokenStore, "listRevokedApiTokens">;
  readonly keyRing: Pick<KeyRing, "signingKey" | "revokedKeys" | "readOn">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The longest life of any access token, in seconds. */
  readonly accessTokenTtlSeconds: number;
}

/** How often to look for events that no hint came for, in milliseconds; each look makes a batch. */
const POLL_MS = (FEED_HEARTBEAT_SECONDS * 1_000) / 2;

/** How long to gather what comes in quick succession, in milliseconds, so that a flood is told in few batches. */
const GATHER_MS = 20;

/** How long a snapshot serves whoever asks for one, in milliseconds: each goes on from where it ends. */
const SNAPSHOT_MS = 5_000;

/** How many API tokens to read at once. */
const PAGE = 500;

/** A reader's place: up to which event of which history it has been told. */
interface Place {
  readonly history: number;
  readonly position: OutboxPosition;
}

interface Snapshot {
  readonly place: Place;
  readonly madeAt: number;
  readonly batches: Promise<readonly SignedBatch[]>;
}

export function createRevocationFeed(options: RevocationFeedOptions): RevocationFeed {
  const { issuer, events, apiTokens, keyRing, clock, logger } = options;
  const lifetimeSeconds = options.accessTokenTtlSeconds + SLACK_SECONDS;
  const live = createLiveRevocations(clock);
  const listeners = new Set<(revocations: readonly Revocation[]) => void>();
  const reader = createOutboxReader({
    events,
    clock,
    logger,
    reachSeconds: lifetimeSeconds + SLACK_SECONDS,
    // What was revoked up to there has been written by now, and what is revoked from there on comes as an event.
    async onBeginning() {
      for (let after = ""; ;) {
        const page = await apiTokens.listRevokedApiTokens({ now: clock() - SLACK_SECONDS, after, limit: PAGE });
        const revocations = page.map((token) => apiTokenRevocation(token));
        live.add(0, revocations);
        for (const listener of listeners) listener(revocations);
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) return;
        after = last.id;
        await setImmediate();
      }
    },
    async onEvents(page) {
      // Who reads that a key was revoked must not read it from that key.
      const known = new Set(keyRing.revokedKeys.map(({ kid }) => kid));
      const isNews = (event: AuthEvent): boolean => event.type === "key_revoked" && !known.has(event.kid);
      if (page.some((event) => isNews(event))) await keyRing.readOn();
      if (page.some((event) => event.type === "key_revoked")) {
        recent.clear();
        snapshot = undefined;
      }
      for (const event of page) {
        const revocations = revocationsOf(event, lifetimeSeconds);
        live.add(event.sequence, revocations);
        if (revocations.length > 0) for (const listener of listeners) listener(revocations);
      }
    },
    onOtherHistory: () => live.forgetNumbers(),
  });

  let isClosed = false;
  let stopWatching: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isLooking = false;
  let isHinted = false;
  let failing = false;
  let tick = Promise.withResolvers<void>();
  let ticks = 0;
  let snapshot: Snapshot | undefined;
  let lastReadAt = 0;
  const recent = new Map<string, Promise<SignedBatch>>();
  let followers = 0;

  const tellAll = (): void => {
    ticks += 1;
    tick.resolve();
    tick = Promise.withResolvers();
  };

  const readOn = async (): Promise<void> => {
    await reader.readOn();
    lastReadAt = performance.now();
  };

  const look = async (): Promise<void> => {
    isLooking = true;
    isHinted = false;
    try {
      await readOn();
      if (failing) logger.info({}, "the event log can be read again");
      failing = false;
      tellAll();
    } catch (error) {
      // Followers hear nothing, and so know that they know nothing new.
      if (!failing && !isClosed) logger.error({ err: error }, "the event log cannot be read: revocations are not told");
      failing = true;
    }
    isLooking = false;
    lookAfter(isHinted ? GATHER_MS : POLL_MS);
  };

  const lookAfter = (milliseconds: number): void => {
    if (isClosed) return;
    clearTimeout(timer);
    timer = setTimeout(() => void look(), milliseconds);
    timer.unref();
  };

  const begin = (): void => {
    if (stopWatching !== undefined || isClosed) return;
    lastReadAt = performance.now();
    stopWatching = events.watch(() => {
      // While it is looking, or about to, it will see this one or look once more.
      if (!isLooking && !isHinted) lookAfter(0);
      isHinted = true;
    });
    lookAfter(POLL_MS);
  };

  const catchUp = async (): Promise<void> => {
    begin();
    const { sequence } = reader.position;
    await readOn();
    if (reader.position.sequence !== sequence) tellAll();
  };

  const sign = async (
    after: string | null,
    cursor: string,
    revocations: readonly Revocation[],
    readAt: number,
  ): Promise<SignedBatch> => {
    const claims = formatBatch({ iss: issuer, iat: Math.floor(readAt), after, cursor, revocations });
    return { cursor, jws: await keyRing.signingKey.sign(claims, { typ: REVOCATION_BATCH_TYPE }) };
  };

  const here = (): Place => ({ history: reader.history, position: reader.position });

  const resume = async (after: string | undefined): Promise<Place | undefined> => {
    const position = after === undefined ? undefined : parseCursor(after);
    if (position === undefined || position.sequence === 0) return undefined;
    const { history } = reader;
    if (position.sequence > reader.position.sequence) return undefined;
    // This node has not read what came right after: a revoked API token could be among it, which lives still.
    if (position.sequence < reader.begunAfter) return undefined;
    return (await holdsPosition(events, position)) ? { history, position } : undefined;
  };

  /** What came after a place, as one batch, made once for all who are there; `undefined` where only a snapshot will do. */
  const continuation = (from: Place): Promise<SignedBatch> | undefined => {
    if (from.history !== reader.history) return undefined;
    const readAt = reader.readAt ?? 0;
    const [after, cursor] = [formatCursor(from.position), formatCursor(reader.position)];
    const name = `${after} ${cursor} ${readAt}`;
    const made = recent.get(name);
    if (made !== undefined) return made;
    const [revocations, ...others] = splitIntoBatches(live.after(from.position.sequence));
    if (revocations === undefined || others.length > 0) return undefined;
    const batch = sign(after, cursor, revocations, readAt);
    recent.set(name, batch);
    // One that could not be signed is tried again.
    batch.catch(() => recent.get(name) === batch && recent.delete(name));
    const [oldest] = recent.keys();
    if (recent.size > 16 && oldest !== undefined) recent.delete(oldest);
    return batch;
  };

  /** Of keys it is told for longer than the log is read back. */
  const allLive = (): readonly Revocation[] => {
    const keys = keyRing.revokedKeys
      .filter((key) => isPublishedKey(key))
      .map(({ kid, at }): Revocation => ({ kind: "key", id: kid, until: at + KEY_REVOCATION_SECONDS }));
    const now = clock();
    return [...keys.filter(({ until }) => until > now), ...live.all().filter(({ kind }) => kind !== "key")];
  };

  const takeSnapshot = (): Snapshot => {
    const now = performance.now();
    if (snapshot === undefined || snapshot.place.history !== reader.history || now - snapshot.madeAt > SNAPSHOT_MS) {
      const batches = signSnapshot(allLive(), formatCursor(reader.position), reader.readAt ?? 0);
      snapshot = { place: here(), madeAt: now, batches };
    }
    return snapshot;
  };

  const signSnapshot = async (
    revocations: readonly Revocation[],
    cursor: string,
    readAt: number,
  ): Promise<readonly SignedBatch[]> => {
    const batches: SignedBatch[] = [];
    const parts = splitIntoBatches(revocations);
    // Of two snapshots that end at one place, the later has forgotten entries, and so others in its parts: with a part of the
    // earlier in the place of its own, some would be missing, and nobody would see a gap.
    const name = `${randomBytes(12).toString("base64url")}-${cursor}`;
    let part = parts.next();
    while (!part.done) {
      const following = parts.next();
      const made = batches.length;
      const end = following.done === true ? cursor : partCursor(name, made + 1);
      batches.push(await sign(made === 0 ? null : partCursor(name, made), end, part.value, readAt));
      part = following;
      // A million entries take a second to sign; requests are answered in between.
      await setImmediate();
    }
    return batches;
  };

  async function* bringUpToDate(place: Place | undefined): AsyncGenerator<SignedBatch, Place> {
    let batch = place === undefined ? undefined : continuation(place);
    while (batch === undefined) {
      const taken = takeSnapshot();
      yield* await taken.batches;
      batch = continuation(taken.place);
      if (batch === undefined && snapshot === taken) snapshot = undefined;
    }
    // Read here and not below: while it is signed, and while the consumer takes it, more may come.
    const reached = here();
    yield await batch;
    return reached;
  }

  return {
    catchUp,

    get lagSeconds() {
      return stopWatching === undefined ? 0 : (performance.now() - lastReadAt) / 1_000;
    },

    get followers() {
      return followers;
    },

    async *read(after) {
      await catchUp();
      yield* bringUpToDate(await resume(after));
    },

    async *follow(after) {
      await catchUp();
      let place = await resume(after);
      followers += 1;
      try {
        for (;;) {
          const seen = ticks;
          place = yield* bringUpToDate(place);
          if (ticks === seen && !isClosed) await tick.promise;
          if (isClosed) return;
        }
      } finally {
        followers -= 1;
      }
    },

    subscribe(listener) {
      listener(live.all());
      listeners.add(listener);
      begin();
      return () => listeners.delete(listener);
    },

    close() {
      if (isClosed) return;
      isClosed = true;
      clearTimeout(timer);
      stopWatching?.();
      tellAll();
    },
  };
}
