import type { CallAuthority } from "./authority.ts";
import type { CorePorts, Credentials } from "./ports.ts";
import type { EndReason, FailureCause } from "./refresh-verdict.ts";
import { judgeRefreshAnswer } from "./refresh-verdict.ts";
import type { UsableAnswer } from "./session.ts";

/** How one try to refresh came out. */
export type RefreshOutcome =
  | {
      readonly kind: "granted";
      readonly answer: UsableAnswer;
      /** Before the request was sent, on the monotonic clock. */
      readonly bornAtMs: number;
    }
  /** Without a reason: nobody is signed in. */
  | { readonly kind: "over"; readonly credentials?: Credentials; readonly reason?: EndReason | undefined }
  | { readonly kind: "failed"; readonly cause: FailureCause; readonly retryAfterSeconds?: number | undefined };

export interface RefreshAttemptParts {
  readonly ports: CorePorts;
  readonly call: CallAuthority;
  /** Asks the other tabs for their token; an answer aborts this try. */
  readonly askTabs: () => void;
}

/** Time for other tabs to hand over their token; doubled with each round. */
const ASK_MS = 50;
/**
 * Time for a key written to the jar to show in all tabs. Two tabs that both saw no key and both wrote one agree, after it,
 * on the one that stands (Fischer's mutual exclusion); without Web Locks this alone keeps a tab from sending a key that
 * another one is about to overwrite. The key is written no sooner: who copies the jar meanwhile has it.
 */
const SETTLE_MS = 25;
/** A tab may be frozen while it holds the lock. Nobody waits for it longer than this. */
const LOCK_WAIT_MS = 4_000;
const MAX_ROUNDS = 6;
/** No request of a client is under way for longer than this (`requestTimeoutSeconds` is at most 120). */
const PATIENCE_MS = 120_000;

/**
 * Tries to refresh. Never rejects; never has two requests under way; asks again only when the store has moved on. What an
 * aborted try answers means nothing.
 */
export type AttemptRefresh = (signal: AbortSignal) => Promise<RefreshOutcome>;

export function createRefreshAttempts(parts: RefreshAttemptParts): AttemptRefresh {
  const movedOnAtMs = {};
  return (signal) => parts.ports.runExclusive(() => refreshRounds(parts, movedOnAtMs, signal), LOCK_WAIT_MS);
}

/** @param movedOnAtMs when the authority first said of which version of the credentials that they have moved on */
async function refreshRounds(
  { ports, call, askTabs }: RefreshAttemptParts,
  movedOnAtMs: Record<string, number>,
  signal: AbortSignal,
): Promise<RefreshOutcome> {
  const { store, nowMs } = ports;

  for (let round = 0; round < MAX_ROUNDS && !signal.aborted; round++) {
    if (store.read() === undefined) return { kind: "over" };
    askTabs();
    await pause(ports, ASK_MS * 2 ** round, signal);
    const credentials = store.read();
    if (signal.aborted || credentials === undefined) continue;

    const { version } = credentials;
    const isCurrent = (): boolean => store.read()?.version === version;
    store.prepareAttempt(credentials);
    await pause(ports, SETTLE_MS, signal);
    if (signal.aborted || !isCurrent() || !store.isPrepared(credentials)) continue;

    const bornAtMs = nowMs();
    const answer = await call({ path: "/auth/refresh", csrfToken: version, signal });
    if (signal.aborted) break;

    const verdict = judgeRefreshAnswer(answer);
    switch (verdict.kind) {
      case "granted":
        return { kind: "granted", answer: verdict.answer, bornAtMs };
      case "over":
        // Said of a session that the store no longer holds: another tab has signed in meanwhile.
        if (!isCurrent()) continue;
        return { ...verdict, credentials };
      case "moved-on":
        // The store should follow: an answer to another tab is about to come. Where none comes for longer than any can take,
        // somebody has gone on from a copy of these credentials, or answers have overtaken each other so badly that nothing
        // mends the store. The second key says so, and the authority, who knows what it has handed out, decides: it answers
        // with the live token, or ends the session for all who hold it.
        if (nowMs() - (movedOnAtMs[version] ??= nowMs()) >= PATIENCE_MS) store.prepareAttempt(credentials, true);
        continue;
      case "failed":
        return verdict;
    }
  }
  return { kind: "failed", cause: "superseded" };
}

function pause({ after }: CorePorts, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    after(delayMs, resolve);
    signal.addEventListener("abort", () => resolve());
  });
}
