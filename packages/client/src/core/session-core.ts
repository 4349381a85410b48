import { ClientError, unreachable } from "../errors.ts";
import type { CallAuthority } from "./authority.ts";
import { backoffMs } from "./backoff.ts";
import type { HeldToken } from "./held-token.ts";
import { timesOf } from "./held-token.ts";
import { createListeners } from "./listeners.ts";
import type { CorePorts, Credentials } from "./ports.ts";
import type { EndReason } from "./refresh-verdict.ts";
import type { RefreshOutcome } from "./refresh-attempt.ts";
import { createRefreshAttempts } from "./refresh-attempt.ts";
import type { AccessToken, UsableAnswer } from "./session.ts";
import type { ClientState, Listener, Place } from "./state.ts";
import { sessionOf } from "./state.ts";
import type { TabMessage } from "./tab-message.ts";
import { parseTabMessage } from "./tab-message.ts";
import type { TokenRefusal } from "./token-refusal.ts";

/** The state machine: holds the one access token, and decides when to fetch the next and when to let go. */
export interface SessionCore {
  readonly getState: () => ClientState;
  readonly subscribe: (listener: Listener) => () => void;
  /** Brings the state up to date with the credential store, asking the authority if need be. Never rejects. */
  readonly start: () => Promise<ClientState>;
  /** Fetches a new token, whatever the one at hand is worth. Never rejects. */
  readonly refresh: () => Promise<ClientState>;
  /**
   * To be called when the page comes to the front, back from sleep, or online: looks where things stand, and goes on.
   */
  readonly wake: () => void;
  /**
   * A token that will outlive a request, fetched if need be; `undefined` where nobody is signed in.
   *
   * @throws ClientError `unreachable`: there is a session, and no token to be had right now; `closed`
   */
  readonly getToken: () => Promise<AccessToken | undefined>;
  /**
   * A token to try instead of one that an API has refused; `undefined` where there is none, or where asking for another
   * would make no difference.
   */
  readonly replaceToken: (refused: AccessToken, code: TokenRefusal) => Promise<AccessToken | undefined>;
  /** Seconds until the access token expires, for display; `undefined` without one. */
  readonly getSecondsLeft: () => number | undefined;
  /** Names the current stretch between sign-ins and sign-outs. What began in an earlier one no longer counts. */
  readonly epoch: () => number;
  /**
   * Does work that refreshes must keep out of the way of: a late answer of the old session would bring back its cookies.
   * Whoever wants a token meanwhile waits for it.
   */
  readonly occupy: <T>(work: () => Promise<T>) => Promise<T>;
  /** Takes over the session of a sign-in. */
  readonly accept: (answer: UsableAnswer, bornAtMs: number) => void;
  /** Lets go of the session here and in all tabs; answers the credentials it had, to end the session with. */
  readonly release: () => Credentials | undefined;
  readonly close: () => void;
}

interface Flight {
  readonly done: Promise<void>;
  cancel(): void;
}

/** A token younger than this which is refused as expired or invalid will not be mended by another one. */
const YOUNGEST_REPLACED_MS = 10_000;
const MAX_TOKEN_ROUNDS = 3;

export function createSessionCore(ports: CorePorts, call: CallAuthority): SessionCore {
  const { store, tabs, nowMs, wallMs } = ports;
  const listeners = createListeners();
  let state: ClientState =
    store.read() === undefined ? { status: "signed-out" } : { status: "refreshing", session: undefined };
  const attemptRefresh = createRefreshAttempts({ ports, call, askTabs });
  let held: HeldToken | undefined;
  let flight: Flight | undefined;
  let epoch = 0;
  let failures = 0;
  /** The authority asked not to be called before. */
  let notBeforeMs = 0;
  /** Credentials found to be worthless, in case they cannot be wiped from the store. */
  let worthless: string | undefined;
  let cancelTimer: (() => void) | undefined;
  let closed = false;

  const jitter = (): number => (ports.randomBytes(1)[0] ?? 0) / 256;

  function findCredentials(): Credentials | undefined {
    const credentials = store.read();
    return credentials?.version === worthless ? undefined : credentials;
  }

  function enter(next: ClientState): void {
    const previous = state;
    if (isSameState(previous, next)) return;
    state = next;
    listeners.tell({ type: "state", state, previous });
  }

  function schedule(delayMs: number): void {
    cancelTimer?.();
    cancelTimer = ports.after(Math.min(delayMs, LONGEST_TIMER_MS), onTimer);
  }

  function onTimer(): void {
    const waitMs = Math.max(held?.refreshAtMs ?? 0, notBeforeMs) - nowMs();
    if (failures === 0 && waitMs > 0) schedule(waitMs);
    else void refresh();
  }

  /** Single flight: whoever asks while a try is under way waits for that one. */
  function refresh(): Promise<void> {
    if (closed) return Promise.resolve();
    if (flight === undefined) {
      enter({ status: "refreshing", session: sessionOf(state) });
      flight = takeOff(attemptRefresh, land);
    }
    return flight.done;
  }

  /** The result of work that was cancelled meanwhile lands nowhere. */
  function takeOff<T>(work: (signal: AbortSignal) => Promise<T>, land: (result: T | undefined) => void): Flight {
    cancelTimer?.();
    const aborter = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    const mine: Flight = {
      done: promise,
      cancel() {
        aborter.abort();
        resolve();
      },
    };
    const fly = async (): Promise<void> => {
      const result = await work(aborter.signal).catch(() => undefined);
      if (flight === mine) {
        flight = undefined;
        land(result);
      }
      resolve();
    };
    void fly();
    return mine;
  }

  function askTabs(): void {
    post({ type: "ask" });
  }

  function land(outcome: RefreshOutcome = FAILED): void {
    switch (outcome.kind) {
      case "granted":
        hold(outcome.answer, outcome.bornAtMs, "this-tab");
        shareToken();
        return;
      case "over": {
        const { credentials, reason } = outcome;
        worthless = credentials?.version;
        if (credentials && reason) {
          store.forget(credentials);
          post({ type: "drop", version: credentials.version, reason });
        }
        drop("this-tab", reason);
        return;
      }
      case "failed": {
        failures += 1;
        const delayMs = backoffMs(failures, jitter(), outcome.retryAfterSeconds);
        if (outcome.retryAfterSeconds !== undefined) notBeforeMs = nowMs() + delayMs;
        const retryInSeconds = Math.ceil(delayMs / 1_000);
        schedule(delayMs);
        listeners.tell({ type: "refresh-failed", cause: outcome.cause, retryInSeconds });
        enter({ status: "offline", session: sessionOf(state), cause: outcome.cause, retryInSeconds });
        return;
      }
    }
  }

  /** Takes a token over. It belongs to what the store holds now, or it would not be here. */
  function hold(answer: UsableAnswer, bornAtMs: number, where: Place): void {
    const credentials = store.read();
    // A sign-out in another tab has already emptied the store: nothing comes back.
    if (credentials === undefined) return drop("another-tab");
    const before = sessionOf(state);
    const session = {
      id: answer.session_id,
      user: answer.user,
      scope: answer.scope,
      generation: credentials.generation,
      bound: answer.token_type === "DPoP",
    };
    const times = timesOf({ bornAtMs, lifeMs: answer.expires_in * 1_000, nowMs: nowMs(), jitter: jitter() });
    held = { answer, session, version: credentials.version, ...times };
    failures = 0;
    notBeforeMs = 0;
    worthless = undefined;
    listeners.tell({ type: before?.id === session.id ? "refreshed" : "signed-in", session, where });
    settle(held);
  }

  function settle({ refreshAtMs, session }: HeldToken): void {
    schedule(refreshAtMs - nowMs());
    enter({ status: "fresh", session });
  }

  /** The store is empty: another tab has signed out, or the user has cleared the cookies. */
  function letGo(): void {
    cancelRefresh();
    drop("another-tab", state.status === "ended" ? state.reason : undefined);
  }

  /** @param reason why the session is over; without one, somebody has signed out */
  function drop(where: Place, reason?: EndReason): void {
    // To start and find nobody signed in is no sign-out; to find a session at its end is worth telling.
    const isNews = reason ? state.status !== "ended" : sessionOf(state);
    held = undefined;
    failures = 0;
    cancelTimer?.();
    if (isNews) listeners.tell(reason ? { type: "session-ended", reason, where } : { type: "signed-out", where });
    enter(reason ? { status: "ended", reason } : { status: "signed-out" });
  }

  function cancelRefresh(): void {
    flight?.cancel();
    flight = undefined;
    cancelTimer?.();
  }

  /** The token at hand, if it will outlive a request. */
  function findFresh(): HeldToken | undefined {
    return held !== undefined && nowMs() < held.freshUntilMs ? held : undefined;
  }

  function post(message: TabMessage): void {
    if (!closed) tabs.post(message);
  }

  function shareToken(): void {
    const token = findFresh();
    if (token === undefined || store.read()?.version !== token.version) return;
    const { answer, version, expiresAtMs } = token;
    const ageMs = nowMs() - (expiresAtMs - answer.expires_in * 1_000);
    post({ type: "token", version, answer, ageMs, sentAtWallMs: wallMs() });
  }

  tabs.listen((data) => {
    const message = parseTabMessage(data, wallMs());
    if (closed || message === undefined) return;
    const credentials = store.read();
    switch (message.type) {
      case "ask":
        return shareToken();
      case "token":
        // Only the token of the very credentials in the store: not one of before a sign-out, nor of another session.
        if (credentials?.version !== message.version) return;
        if (findFresh()?.version === message.version) return;
        cancelRefresh();
        return hold(message.answer, nowMs() - message.ageMs, "another-tab");
      case "drop":
        // About a session that is no longer the one in the store: somebody has signed in since.
        if (credentials !== undefined && credentials.version !== message.version) return;
        worthless = message.version;
        cancelRefresh();
        return drop("another-tab", message.reason);
    }
  });

  async function bringUpToDate(ask: boolean): Promise<ClientState> {
    if (findCredentials() === undefined) letGo();
    else if (ask && nowMs() >= notBeforeMs) await refresh();
    return state;
  }

  function wake(): void {
    if (closed) return;
    const credentials = findCredentials();
    if (credentials === undefined) return letGo();
    if (flight !== undefined) return;
    if (nowMs() < notBeforeMs) return schedule(notBeforeMs - nowMs());
    if (held === undefined || nowMs() >= held.refreshAtMs || held.version !== credentials.version) void refresh();
    else settle(held);
  }

  async function getToken(): Promise<AccessToken | undefined> {
    for (let round = 0; round < MAX_TOKEN_ROUNDS; round++) {
      if (closed) throw new ClientError("closed", "This client is closed.");
      // The store is asked even with a token at hand: this tab may have been frozen while another one signed out.
      if (findCredentials() === undefined) {
        letGo();
        return undefined;
      }
      const token = findFresh();
      if (token !== undefined) return token.answer;
      if (flight === undefined && nowMs() < notBeforeMs) break;
      await refresh();
      if (failures > 0) break;
    }
    if (state.status === "signed-out" || state.status === "ended") return undefined;
    const waitMs = notBeforeMs - nowMs();
    throw unreachable({ retryAfterSeconds: waitMs > 0 ? Math.ceil(waitMs / 1_000) : undefined });
  }

  return {
    getState: () => state,
    subscribe: listeners.add,

    start: () => bringUpToDate(findFresh() === undefined),
    refresh: () => bringUpToDate(true),

    wake,
    getToken,

    async replaceToken(refused, code) {
      if (held !== undefined && held.answer !== refused) return getToken();
      if (held !== undefined && code !== "stale_token") {
        const youngest = Math.min(YOUNGEST_REPLACED_MS, (held.answer.expires_in * 1_000) / 4);
        if (nowMs() - held.obtainedAtMs < youngest) return undefined;
      }
      if (nowMs() < notBeforeMs || findCredentials() === undefined) return undefined;
      await refresh();
      const token = held?.answer;
      return token === refused ? undefined : token;
    },

    getSecondsLeft: () => (held === undefined ? undefined : Math.max(0, (held.expiresAtMs - nowMs()) / 1_000)),
    epoch: () => epoch,

    occupy(work) {
      cancelRefresh();
      const result = work();
      flight = takeOff(() => result, wake);
      return result;
    },

    accept(answer, bornAtMs) {
      store.clearAttempts();
      hold(answer, bornAtMs, "this-tab");
      shareToken();
    },

    release() {
      cancelRefresh();
      epoch += 1;
      const credentials = store.read();
      if (credentials !== undefined) {
        worthless = credentials.version;
        store.forget(credentials);
        post({ type: "drop", version: credentials.version });
      }
      drop("this-tab");
      return credentials;
    },

    close() {
      cancelRefresh();
      closed = true;
      tabs.close();
    },
  };
}

/** A try that could not even be made, for example because the page may use no cookies. */
const FAILED: RefreshOutcome = { kind: "failed", cause: "no_answer" };

/** The longest that timers can wait is 24.8 days; a day is enough, for whoever wakes looks again. */
const LONGEST_TIMER_MS = 86_400_000;

function isSameState(a: ClientState, b: ClientState): boolean {
  return a.status === b.status && a.status !== "offline" && sessionOf(a) === sessionOf(b);
}
