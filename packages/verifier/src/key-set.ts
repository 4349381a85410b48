import { exportPublicJwk, importJwkSet, JwtError, type VerificationKey } from "@latchkey/jwt";

import { discoverEndpoints, type IssuerEndpoints } from "./discovery.ts";
import { fetchJson, type FetchContext } from "./fetch-json.ts";
import { createFetchRounds } from "./fetch-rounds.ts";
import { type Fetched, failed, type KeySetFailure } from "./key-set-failure.ts";
import type { Settings } from "./options.ts";

/** `fresh`, or: nothing fetched yet; older than `keyRefreshSeconds` and serving on; older than `maxKeyAgeSeconds` and unused. */
export type KeySetState = "none" | "fresh" | "stale" | "expired";

/** What asking the issuer for a key came to. */
export type KeyLookup =
  | { readonly kind: "found" }
  | { readonly kind: "absent" }
  | { readonly kind: "unavailable"; readonly retryAfterSeconds: number; readonly failure: KeySetFailure };

export interface KeySetStatus {
  readonly state: KeySetState;
  readonly keyIds: readonly string[];
  /** Whole seconds since the keys were fetched; `undefined` before. */
  readonly ageSeconds: number | undefined;
  /** Why the last fetch failed; `undefined` while all is well. */
  readonly failure: KeySetFailure | undefined;
}

/** The keys of one issuer. They are held in memory, and selected by nothing but their `kid`. */
export interface KeySet {
  /** Synchronous, and never waits: a key that is held serves on while the issuer is slow, failing or down. */
  find(kid: string): VerificationKey | undefined;
  /**
   * Asks the issuer for a key that is not held. `absent` is said only by a key set that was asked for after this call: a new
   * key counts from the moment it is published, not from the next cool-down.
   */
  lookUp(kid: string): Promise<KeyLookup>;
  /** Fetches the keys unless they are held already. */
  load(): Promise<KeyLookup>;
  status(): KeySetStatus;
  close(): void;
}

type KeySetSettings = Pick<
  Settings,
  "issuer" | "keyRefreshSeconds" | "maxKeyAgeSeconds" | "fetchTimeoutSeconds" | "fetch" | "clock"
>;

interface HeldKeys {
  readonly byKid: ReadonlyMap<string, VerificationKey>;
  readonly fetchedAt: number;
}

/**
 * @param onFetched is told what the issuer offers, each time its keys were fetched
 * @param locate which of the issuer's key sets it is; by default that of access tokens
 */
export function createKeySet(
  settings: KeySetSettings,
  onFetched?: (endpoints: IssuerEndpoints) => void,
  locate: (endpoints: IssuerEndpoints) => Fetched<string> = ({ keySet }) => ({ kind: "ok", value: keySet }),
): KeySet {
  const { issuer, keyRefreshSeconds, maxKeyAgeSeconds, fetch, clock } = settings;
  let held: HeldKeys | undefined;
  let discovered: { readonly endpoints: IssuerEndpoints; readonly at: number } | undefined;
  let refreshTimer: NodeJS.Timeout | undefined;

  const rounds = createFetchRounds({
    run: fetchKeys,
    onEnd: scheduleRefresh,
    timeoutSeconds: settings.fetchTimeoutSeconds,
    clock,
  });

  /** Replaces the held keys only when everything went well: a failing fetch evicts nothing. */
  async function fetchKeys(signal: AbortSignal): Promise<Fetched<void>> {
    const context: FetchContext = { fetch, signal };
    const location = await locateKeys(context);
    if (location.kind === "failed") return location;
    const document = await fetchJson(location.value, context);
    const keys = document.kind === "ok" ? readKeys(location.value, document.value) : document;
    if (keys.kind === "failed") {
      discovered = undefined; // The keys may have moved.
      return keys;
    }
    // Tokens are remembered for as long as their key is this very object. A flood of unknown `kid`s must not empty that cache
    // once a second, but any change of the key set does.
    const byKid = held !== undefined && isSameKeySet(held.byKid, keys.value) ? held.byKid : keys.value;
    held = { byKid, fetchedAt: clock() };
    if (discovered !== undefined) onFetched?.(discovered.endpoints);
    return { kind: "ok", value: undefined };
  }

  /** Read anew as often as the keys are; a flood of unknown `kid`s asks for the keys alone. */
  async function locateKeys(context: FetchContext): Promise<Fetched<string>> {
    if (discovered !== undefined && ageOf(discovered.at) < keyRefreshSeconds) {
      return locate(discovered.endpoints);
    }
    const found = await discoverEndpoints(issuer, context);
    if (found.kind === "failed") return found;
    discovered = { endpoints: found.value, at: clock() };
    return locate(found.value);
  }

  /** An API nobody calls refreshes too, or the first call after a quiet night could bring a withdrawn key. */
  function scheduleRefresh(): void {
    clearTimeout(refreshTimer);
    const delay = rounds.failure === undefined ? keyRefreshSeconds : rounds.secondsUntilNext();
    refreshTimer = setTimeout(() => rounds.beginIfAllowed(), delay * 1000).unref();
  }

  function ageOf(time: number): number {
    return Math.max(0, clock() - time);
  }

  function stateOf(keys: HeldKeys | undefined): KeySetState {
    if (keys === undefined) return "none";
    const age = ageOf(keys.fetchedAt);
    if (!(age <= maxKeyAgeSeconds)) return "expired"; // nor is anything fresh by a clock that gives no number
    return age >= keyRefreshSeconds ? "stale" : "fresh";
  }

  function usableKeys(): ReadonlyMap<string, VerificationKey> | undefined {
    const state = stateOf(held);
    // Timers fire late in a process that was suspended: use refreshes as well.
    if (state === "stale") rounds.beginIfAllowed();
    return state === "fresh" || state === "stale" ? held?.byKid : undefined;
  }

  function unavailable(failure: KeySetFailure): KeyLookup {
    return { kind: "unavailable", retryAfterSeconds: Math.max(1, Math.ceil(rounds.secondsUntilNext())), failure };
  }

  return {
    find: (kid) => usableKeys()?.get(kid),

    async lookUp(kid) {
      const begunBefore = rounds.begun;
      for (;;) {
        const outcome = await rounds.join();
        if (usableKeys()?.has(kid) === true) return { kind: "found" };
        if (outcome.kind === "failed") return unavailable(outcome.failure);
        // A round that was in flight when we asked may have been answered before the key was published.
        if (outcome.round > begunBefore) return { kind: "absent" };
      }
    },

    async load() {
      if (usableKeys() !== undefined) return { kind: "found" };
      const outcome = await rounds.join();
      return outcome.kind === "failed" ? unavailable(outcome.failure) : { kind: "found" };
    },

    status: () => ({
      state: stateOf(held),
      keyIds: held === undefined ? [] : [...held.byKid.keys()],
      ageSeconds: held === undefined ? undefined : Math.floor(ageOf(held.fetchedAt)),
      failure: rounds.failure,
    }),

    close() {
      clearTimeout(refreshTimer);
      rounds.close();
    },
  };
}

function readKeys(url: string, document: unknown): Fetched<ReadonlyMap<string, VerificationKey>> {
  try {
    const keys = importJwkSet(document).flatMap((key) => (key.kid === undefined ? [] : [[key.kid, key] as const]));
    if (keys.length === 0) return failed("bad_key_set", `${url} holds no key that can verify tokens.`);
    return { kind: "ok", value: new Map(keys) };
  } catch (error) {
    if (!(error instanceof JwtError)) throw error;
    return failed("bad_key_set", `${url} is refused: ${error.message}`);
  }
}

function isSameKeySet(one: ReadonlyMap<string, VerificationKey>, other: ReadonlyMap<string, VerificationKey>): boolean {
  const published = (keys: ReadonlyMap<string, VerificationKey>): string =>
    JSON.stringify([...keys.values()].map((key) => exportPublicJwk(key)));
  return published(one) === published(other);
}
