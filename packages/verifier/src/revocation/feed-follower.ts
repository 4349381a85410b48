import { type ConnectionEnd, type FeedConnectionOptions, pollOnce, streamFrom } from "./feed-connection.ts";
import { type FeedFailure, feedFailure } from "./feed-failure.ts";

/** Keeps up with the feed in the background, over one connection at a time. */
export interface FeedFollower {
  /** How batches come at the moment; `undefined`: not at all. */
  readonly channel: "stream" | "polling" | undefined;
  /** How often a connection was begun after the first. */
  readonly reconnects: number;
  /** What went wrong last; `undefined` while all is well. */
  readonly failure: FeedFailure | undefined;
  /** Begins, or goes on, at these nodes. */
  follow(urls: readonly string[]): void;
  /** Resolves once the feed was heard whole; with the failure where it is refused, or has failed at every node. */
  firstOutcome(): Promise<FeedFailure | undefined>;
  close(): void;
}

const POLL_MS = 1_000;
/** How long to poll before a stream is tried again, at first and at most. */
const POLLING_MS = { first: 60_000, most: 600_000 };
/** How long a node may take to begin, and how long once that was not enough: it may be slow and not dead. */
const BEGIN_MS = { first: 5_000, later: 15_000 };
/** A stream that lasted for this long was a good one. */
const GOOD_STREAM_MS = 5_000;
const REFUSED_PAUSE_MS = 5_000;

export function createFeedFollower(options: Omit<FeedConnectionOptions, "onHeard">): FeedFollower {
  const { knowledge } = options;
  const closing = new AbortController();
  const { signal } = closing;
  let nodes: readonly string[] = [];
  let turn = 0;
  let channel: FeedFollower["channel"];
  let connections = 0;
  let failuresInRow = 0;
  let wasTooSlow = false;
  let failure: FeedFailure | undefined;
  let pollingMs = POLLING_MS.first;
  let waiting: ((failure: FeedFailure | undefined) => void)[] = [];

  const connectionBy = (kind: FeedFollower["channel"]): FeedConnectionOptions => ({
    ...options,
    onHeard() {
      channel = kind;
      wasTooSlow = false;
      if (knowledge.cursor === null) return;
      failure = undefined;
      tell(undefined);
    },
  });

  function tell(outcome: FeedFailure | undefined): void {
    const listeners = waiting;
    waiting = [];
    for (const listener of listeners) listener(outcome);
  }

  function fail(why: FeedFailure): void {
    channel = undefined;
    failure = why;
    failuresInRow += 1;
    turn += 1;
    if (why.reason === "refused" || failuresInRow >= nodes.length) tell(why);
  }

  const beginMs = (): number => (wasTooSlow ? BEGIN_MS.later : BEGIN_MS.first);

  async function stream(url: string): Promise<ConnectionEnd> {
    const startedAt = performance.now();
    const end = await streamFrom(url, connectionBy("stream"), { firstMs: beginMs(), signal });
    if (end.heardAny && performance.now() - startedAt > GOOD_STREAM_MS) {
      failuresInRow = 0;
      pollingMs = POLLING_MS.first;
    }
    return end;
  }

  /** Polls until it fails, or until it is time to try for a stream again. */
  async function poll(url: string): Promise<FeedFailure | undefined> {
    const startedAt = performance.now();
    while (!signal.aborted && performance.now() - startedAt < pollingMs) {
      const why = await pollOnce(url, connectionBy("polling"), { timeoutMs: beginMs(), signal });
      if (why?.reason === "silent") wasTooSlow = true;
      if (why !== undefined) return why;
      failuresInRow = 0;
      await pause(POLL_MS * (0.9 + Math.random() * 0.2), signal);
    }
    pollingMs = Math.min(pollingMs * 2, POLLING_MS.most);
    return undefined;
  }

  /** Until it fails, which it does not tell by rejecting. `undefined`: it is time to try for a stream again. */
  async function followOne(url: string): Promise<FeedFailure | undefined> {
    try {
      const end = await stream(url);
      channel = undefined;
      if (end.failure.reason === "silent") wasTooSlow = true;
      // One that is silent may be dead: another one that is not is better than polling.
      const isLast = end.failure.reason !== "silent" || failuresInRow >= nodes.length - 1;
      return end.lacksStreams && isLast && !signal.aborted ? await poll(url) : end.failure;
    } catch {
      // Nobody awaits this: a rejection would end the process.
      return feedFailure("unexpected", "The feed could not be read, for a reason that should be reported as a bug.");
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      connections += 1;
      const why = await followOne(nodes[turn % nodes.length] ?? "");
      if (signal.aborted) return;
      if (why === undefined) continue;
      fail(why);
      const backOff = (100 + Math.random() * 200) * 2 ** Math.min(failuresInRow - 1, 4);
      await pause(why.reason === "refused" ? Math.max(backOff, REFUSED_PAUSE_MS) : backOff, signal);
    }
  }

  return {
    get channel() {
      return channel;
    },
    get reconnects() {
      return Math.max(0, connections - 1);
    },
    get failure() {
      return failure;
    },

    follow(urls) {
      const isFirst = nodes.length === 0;
      nodes = urls;
      if (!isFirst || signal.aborted) return;
      void run();
    },

    firstOutcome() {
      if (knowledge.cursor !== null) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        // The connection itself keeps no process alive, but who waits for it must not be left without an answer.
        const hold = setInterval(() => undefined, 60_000);
        waiting.push((outcome) => {
          clearInterval(hold);
          resolve(outcome);
        });
      });
    },

    close() {
      channel = undefined;
      closing.abort();
      tell(feedFailure("ended", "The verifier is closed."));
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms).unref();
    signal.addEventListener("abort", done);
  });
}
