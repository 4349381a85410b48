import { setTimeout as sleep } from "node:timers/promises";

import type { Jwk, VerificationKey } from "@latchkey/jwt";
import { decodeUnverifiedHeader } from "@latchkey/jwt";

import type { KeyPurpose, KeyState } from "../domain/key-schedule.ts";
import { createReplacementLookup, createSigningSchedule, stateOf } from "../domain/key-schedule.ts";
import { AuthError, KeyServiceError } from "../errors.ts";
import type { StoredKey } from "../ports/key-store.ts";
import type { Logger } from "../ports/logger.ts";
import { readAnew } from "../read-anew.ts";
import type { AccessKey } from "./access-key.ts";
import { openAccessKey } from "./access-key.ts";
import { refuseWrongClock } from "./clock-check.ts";
import type { KeptLine, KeyChangeContext } from "./key-changes.ts";
import { keepKeys, linesOf } from "./key-changes.ts";
import type { RefreshKey } from "./refresh-key.ts";
import { openRefreshKey } from "./refresh-key.ts";
import type { StatusPlaceOf } from "./status-place-key.ts";
import { openStatusPlaceKey } from "./status-place-key.ts";

/**
 * The keys as this node knows them. They are read again every second, and what is due is done: so every node takes part
 * in the others' changes soon, and nobody has to be awake when a key's time comes.
 */
export interface KeyRing {
  /**
   * The key that signs now, of the algorithm that the authority uses for itself.
   *
   * @throws AuthError `unavailable` where the keys have not been readable for {@link BLIND_SECONDS}
   */
  readonly signingKey: AccessKey;
  /** The same, of another algorithm. */
  signingKeyFor(alg: string): AccessKey;
  /** Of access tokens. Synchronous, from what is known; of revoked keys there is none. */
  findVerificationKey(kid: string): VerificationKey | undefined;
  /** The key set to publish (RFC 7517): public keys alone. */
  readonly publicKeys: readonly Jwk[];
  /** The same three of API tokens, whose keys are good for nothing else. */
  readonly apiTokenKeys: ApiTokenKeys;
  /** Those that were revoked. */
  readonly revokedKeys: readonly RevokedKey[];
  readonly refreshKeys: RefreshKeys;
  /** Where there are status lists. */
  readonly statusPlaceOf: StatusPlaceOf;
  /**
   * For a token of a key that is not known, and may be new: reads, at most four times a second whoever asks, and answers
   * whether the key is known then.
   *
   * @throws AuthError `unavailable` where the store cannot be read
   */
  learn(token: string): Promise<boolean>;
  /** Reads the keys: what any node has changed before this call is known afterwards. Rejects where it cannot. */
  readOn(): Promise<void>;
  close(): void;
}

export interface ApiTokenKeys {
  signingKeyFor(alg: string): AccessKey;
  findVerificationKey(kid: string): VerificationKey | undefined;
  readonly publicKeys: readonly Jwk[];
}

export interface RevokedKey {
  readonly kid: string;
  readonly purpose: KeyPurpose;
  /** Seconds since 1970. */
  readonly at: number;
}

/** The secrets behind refresh and CSRF tokens. */
export interface RefreshKeys {
  /**
   * The key of a moment. All nodes agree on it, and whoever asks again later is told the same, unless it was revoked: so
   * the same row makes the same token.
   */
  at(time: number): RefreshKey;
  /** Until when the key of this moment was another, which has been revoked since; `undefined` where it never was. */
  replacedUntil(time: number): number | undefined;
  find(kid: string): RefreshKey | undefined;
  /** All that are good, the newest first. */
  readonly all: readonly RefreshKey[];
}

/** How often the keys are read, in milliseconds. */
const POLL_MS = 1_000;

/** How long to wait at least between two readings that unknown `kid`s ask for. */
const LEARN_GAP_MS = 250;

/** How long a node goes on signing when it cannot read the store, in seconds. A key that was replaced is kept for as long. */
export const BLIND_SECONDS = 600;

export interface KeyRingOptions extends KeyChangeContext {
  readonly logger: Logger;
  /** The first is the authority's own. */
  readonly lines: readonly KeptLine[];
}

/**
 * Opens the keys, or makes them at the first start. Nodes that start at once agree on them.
 *
 * @throws ConfigurationError where they cannot be opened
 */
export async function openKeyRing(options: KeyRingOptions): Promise<KeyRing> {
  const { clock, logger, lines } = options;
  const opener = createKeyOpener(options);
  refuseWrongClock(clock(), await options.store.listKeys());
  const opened = await opener.open(await keepKeys(options, lines));
  const [unopened] = opened.unopened.values();
  if (unopened !== undefined) throw unopened;
  let held = arrange(opened, clock());
  let readAt = performance.now();
  let begunAt = readAt;
  let isClosed = false;
  let isFailing = false;
  let isWithoutService = false;
  let timer: NodeJS.Timeout | undefined;

  const tellService = (error: KeyServiceError | undefined): void => {
    if (error !== undefined && !isWithoutService) logger.error({ err: error }, "the key service cannot be asked");
    if (error === undefined && isWithoutService) logger.info({}, "the key service can be asked again");
    isWithoutService = error !== undefined;
  };

  const read = async (): Promise<void> => {
    clearTimeout(timer);
    begunAt = performance.now();
    try {
      let failure: KeyServiceError | undefined;
      // Without its key service a node goes on with the keys there are, and learns of those that were revoked.
      const rows = await keepKeys(options, lines).catch((error: unknown) => {
        if (!(error instanceof KeyServiceError)) throw error;
        failure = error;
        return options.store.listKeys();
      });
      const found = await opener.open(rows);
      [failure = failure] = found.unopened.values();
      tellService(failure);
      held = arrange(found, clock());
      readAt = begunAt;
      if (isFailing) logger.info({}, "the keys can be read again");
      isFailing = false;
    } catch (error) {
      if (!isFailing && !isClosed) logger.error({ err: error }, "the keys cannot be read: going on with those known");
      isFailing = true;
      throw error;
    } finally {
      poll();
    }
  };

  const readOn = readAnew(read);

  const poll = (): void => {
    if (isClosed) return;
    timer = setTimeout(() => {
      // What failed has been logged, and is tried again.
      readOn().catch(() => undefined);
    }, POLL_MS);
    timer.unref();
  };
  poll();

  const signingKeyFor = (alg: string, line: "access" | "apiToken" = "access"): AccessKey => {
    if (performance.now() - readAt > BLIND_SECONDS * 1_000) throw new AuthError("unavailable");
    const key = held[line].signing.get(alg)?.(clock());
    if (key === undefined) throw new AuthError("unavailable");
    return key;
  };
  const [own] = lines;

  return {
    get signingKey() {
      return signingKeyFor(own?.alg ?? "");
    },
    signingKeyFor: (alg) => signingKeyFor(alg),
    findVerificationKey: (kid) => held.access.keys.get(kid)?.verificationKey,
    get publicKeys() {
      return held.access.published;
    },
    apiTokenKeys: {
      signingKeyFor: (alg) => signingKeyFor(alg, "apiToken"),
      findVerificationKey: (kid) => held.apiToken.keys.get(kid)?.verificationKey,
      get publicKeys() {
        return held.apiToken.published;
      },
    },
    get revokedKeys() {
      return held.revokedKeys;
    },
    refreshKeys: {
      at(time) {
        const key = held.refreshAt(time);
        if (key === undefined) throw new AuthError("unavailable");
        return key;
      },
      replacedUntil: (time) => held.refreshReplacedUntil(time),
      find: (kid) => held.refresh.get(kid),
      get all() {
        return held.refreshKeys;
      },
    },

    statusPlaceOf(number) {
      if (held.statusPlaceOf === undefined) throw new AuthError("unavailable");
      return held.statusPlaceOf(number);
    },

    async learn(token) {
      const { kid } = decodeUnverifiedHeader(token);
      if (kid === undefined) return false;
      const isKnown = (): boolean => held.access.keys.has(kid) || held.apiToken.keys.has(kid) || held.refresh.has(kid);
      if (isKnown() || isClosed) return isKnown();
      const wait = begunAt + LEARN_GAP_MS - performance.now();
      if (wait > 0) await sleep(wait);
      try {
        await readOn();
      } catch (error) {
        throw new AuthError("unavailable", {}, { cause: error });
      }
      if (held.unopened.has(kid)) throw new AuthError("unavailable");
      return isKnown();
    },

    readOn,

    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** One of these, by its purpose. */
interface OpenKey {
  readonly access?: AccessKey | undefined;
  readonly apiToken?: AccessKey | undefined;
  readonly refresh?: RefreshKey | undefined;
  readonly statusPlaceOf?: StatusPlaceOf | undefined;
}

/** All rows, with what was sealed in those that still hold something. */
interface OpenedKeys {
  readonly rows: readonly StoredKey[];
  readonly byKid: ReadonlyMap<string, OpenKey>;
  /** Keys that are there, and that the key service could not be asked for. */
  readonly unopened: ReadonlyMap<string, KeyServiceError>;
}

/** Opens each key once. */
function createKeyOpener(options: KeyRingOptions): { open(rows: readonly StoredKey[]): Promise<OpenedKeys> } {
  const known = new Map<string, OpenKey>();

  const openKey = async (stored: StoredKey): Promise<OpenKey> => {
    switch (stored.purpose) {
      case "access-token":
        return { access: await openAccessKey(options, stored) };
      case "api-token":
        return { apiToken: await openAccessKey(options, stored) };
      case "refresh-token":
        return { refresh: await openRefreshKey(options, stored) };
      case "status-place":
        return { statusPlaceOf: await openStatusPlaceKey(options.sealer, stored) };
      case "audit-checkpoint":
        // Opened where checkpoints are made and checked, now and then.
        return {};
    }
  };

  return {
    async open(rows) {
      const unopened = new Map<string, KeyServiceError>();
      for (const stored of rows) {
        if (stored.sealed === null) {
          void known.get(stored.kid)?.access?.destroy?.();
          void known.get(stored.kid)?.apiToken?.destroy?.();
          known.delete(stored.kid);
        } else if (!known.has(stored.kid)) {
          // One that hangs is asked once: who waits for this may be waiting for a revocation.
          const [failure] = unopened.values();
          if (failure !== undefined) {
            unopened.set(stored.kid, failure);
            continue;
          }
          try {
            known.set(stored.kid, await openKey(stored));
          } catch (error) {
            if (!(error instanceof KeyServiceError)) throw error;
            unopened.set(stored.kid, error);
          }
        }
      }
      return { rows, byKid: new Map(known), unopened };
    },
  };
}

/** What follows from the rows, prepared for every request to come. */
interface HeldKeys {
  readonly unopened: ReadonlyMap<string, KeyServiceError>;
  readonly access: HeldKeyPairs;
  readonly apiToken: HeldKeyPairs;
  readonly refresh: ReadonlyMap<string, RefreshKey>;
  readonly refreshKeys: readonly RefreshKey[];
  readonly refreshAt: (time: number) => RefreshKey | undefined;
  readonly refreshReplacedUntil: (time: number) => number | undefined;
  readonly statusPlaceOf: StatusPlaceOf | undefined;
  readonly revokedKeys: readonly RevokedKey[];
}

/** Key pairs of one purpose. */
interface HeldKeyPairs {
  readonly keys: ReadonlyMap<string, AccessKey>;
  /** By algorithm. */
  readonly signing: ReadonlyMap<string, (time: number) => AccessKey | undefined>;
  /** The one in use first: there are readers that look no further. */
  readonly published: readonly Jwk[];
}

function arrange({ rows, byKid, unopened }: OpenedKeys, now: number): HeldKeys {
  const pairs = { access: collectPairs(), apiToken: collectPairs() };
  const refresh = new Map<string, RefreshKey>();
  let statusPlaceOf: StatusPlaceOf | undefined;
  let refreshAt = (_time: number): RefreshKey | undefined => undefined;
  let refreshReplacedUntil = (_time: number): number | undefined => undefined;

  for (const line of linesOf(rows)) {
    const states = line.map((stored) => ({ stored, state: stateOf(stored, line, now) }));
    const kept = line.filter((_, index) => states[index]?.state !== "retired");
    const schedule = createSigningSchedule(kept);
    for (const { stored, state } of states) {
      const opened = byKid.get(stored.kid);
      if (opened === undefined || state === "retired" || state === "revoked") continue;
      statusPlaceOf ??= opened.statusPlaceOf;
      if (opened.refresh !== undefined) refresh.set(stored.kid, opened.refresh);
      if (opened.access !== undefined) pairs.access.add(opened.access, stored.kid, state);
      if (opened.apiToken !== undefined) pairs.apiToken.add(opened.apiToken, stored.kid, state);
    }
    const [first] = line;
    if (first?.purpose === "access-token") pairs.access.addLine(first.alg, schedule);
    if (first?.purpose === "api-token") pairs.apiToken.addLine(first.alg, schedule);
    if (first?.purpose === "refresh-token") {
      refreshAt = (time) => refresh.get(schedule(time)?.kid ?? "");
      refreshReplacedUntil = createReplacementLookup(kept);
    }
  }
  return {
    unopened,
    access: pairs.access.collected(),
    apiToken: pairs.apiToken.collected(),
    refresh,
    refreshKeys: [...refresh.values()].toReversed(),
    refreshAt,
    refreshReplacedUntil,
    statusPlaceOf,
    revokedKeys: rows.flatMap(({ kid, purpose, revokedAt: at }) => (at === null ? [] : [{ kid, purpose, at }])),
  };
}

function collectPairs() {
  const keys = new Map<string, AccessKey>();
  const signing = new Map<string, (time: number) => AccessKey | undefined>();
  const published: { readonly jwk: Jwk; readonly isActive: boolean }[] = [];
  return {
    add(key: AccessKey, kid: string, state: KeyState): void {
      keys.set(kid, key);
      published.push({ jwk: key.publicJwk, isActive: state === "active" });
    },
    addLine(alg: string, schedule: (time: number) => StoredKey | undefined): void {
      signing.set(alg, (time) => keys.get(schedule(time)?.kid ?? ""));
    },
    collected: (): HeldKeyPairs => ({
      keys,
      signing,
      published: published.toSorted((a, b) => Number(b.isActive) - Number(a.isActive)).map(({ jwk }) => jwk),
    }),
  };
}
