import { type Fetched, failed, type KeySetFailure } from "./key-set-failure.ts";

/** The end of a round: what came of it, and which round it was. */
export type Outcome =
  | { readonly kind: "fetched"; readonly round: number }
  | { readonly kind: "failed"; readonly round: number; readonly failure: KeySetFailure };

/**
 * Asks the issuer, one round (metadata, keys) at a time and never more often than the pace allows: once a second while it
 * answers, with back-off while it does not.
 */
export interface FetchRounds {
  /** How many rounds have begun so far. */
  readonly begun: number;
  /** What went wrong, while the last round has failed. */
  readonly failure: KeySetFailure | undefined;
  /** Seconds until a round may begin; 0 when it may begin now. */
  secondsUntilNext(): number;
  /**
   * The round in flight, or else the next one, begun now or within a second. While the pace demands a longer
   * wait, the last failure again, at once: nobody's request waits out a back-off. Never rejects.
   */
  join(): Promise<Outcome>;
  /** Begins a round if none is under way and the pace allows one. */
  beginIfAllowed(): void;
  close(): void;
}

export interface FetchRoundsOptions {
  /** One round; must end soon after `signal` is aborted. */
  readonly run: (signal: AbortSignal) => Promise<Fetched<void>>;
  /** Called after each round. */
  readonly onEnd: (outcome: Outcome) => void;
  readonly timeoutSeconds: number;
  readonly clock: () => number;
}

/** Between the beginnings of two rounds that succeed: under a flood of unknown `kid`s the issuer sees no more than this. */
export const COOL_DOWN_SECONDS = 1;
/** After one failure a second, then twice as long after each further one, up to half a minute. */
export const MAX_BACK_OFF_SECONDS = 30;

const CLOSED: KeySetFailure = { reason: "closed", message: "The verifier is closed." };

export function createFetchRounds({ run, onEnd, timeoutSeconds, clock }: FetchRoundsOptions): FetchRounds {
  let begun = 0;
  let pause = { from: 0, seconds: 0 };
  let failures = 0;
  let failure: KeySetFailure | undefined;
  let current: Promise<Outcome> | undefined;
  let isClosed = false;
  const closing = new AbortController();

  function secondsUntilNext(): number {
    const passed = clock() - pause.from;
    // A clock that was set back must not turn a second into hours.
    return passed < 0 ? 0 : Math.max(0, pause.seconds - passed);
  }

  async function runOnce(): Promise<Fetched<void>> {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    const timer = setTimeout(abort, timeoutSeconds * 1000);
    closing.signal.addEventListener("abort", abort);
    try {
      return await run(controller.signal);
    } catch {
      // Nobody awaits a refresh in the background: a rejection there would end the process.
      return failed("unexpected", "The key set could not be read, for a reason that should be reported as a bug.");
    } finally {
      clearTimeout(timer);
      closing.signal.removeEventListener("abort", abort);
    }
  }

  async function begin(waitSeconds: number): Promise<Outcome> {
    if (waitSeconds > 0) await sleep(waitSeconds, closing.signal);
    if (isClosed) return { kind: "failed", round: begun, failure: CLOSED };
    begun += 1;
    const round = begun;
    pause = { from: clock(), seconds: COOL_DOWN_SECONDS };
    const fetched = await runOnce();
    if (fetched.kind === "failed") {
      failures += 1;
      failure = isClosed ? CLOSED : fetched.failure;
      pause = { from: clock(), seconds: Math.min(2 ** (failures - 1), MAX_BACK_OFF_SECONDS) };
    } else {
      failures = 0;
      failure = undefined;
    }
    current = undefined;
    const outcome: Outcome = failure === undefined ? { kind: "fetched", round } : { kind: "failed", round, failure };
    if (!isClosed) onEnd(outcome);
    return outcome;
  }

  return {
    get begun() {
      return begun;
    },
    get failure() {
      return failure;
    },
    secondsUntilNext,
    async join() {
      if (isClosed) return { kind: "failed", round: begun, failure: CLOSED };
      if (current !== undefined) return current;
      const wait = secondsUntilNext();
      if (wait > COOL_DOWN_SECONDS && failure !== undefined) return { kind: "failed", round: begun, failure };
      current = begin(wait);
      return current;
    },
    beginIfAllowed() {
      if (!isClosed && current === undefined && secondsUntilNext() === 0) current = begin(0);
    },
    close() {
      isClosed = true;
      closing.abort();
    },
  };
}

function sleep(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, seconds * 1000);
    signal.addEventListener("abort", done);
  });
}
