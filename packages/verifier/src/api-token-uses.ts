import { type ApiTokenUsesReport, MAX_REPORTED_USES } from "@latchkey/protocol";

/** Tells the authority in which hour which API token was used. No request ever waits for it. */
export interface ApiTokenUses {
  note(tokenId: string): void;
  close(): void;
}

export interface ApiTokenUsesOptions {
  /** `undefined` where the authority takes no reports, or is not known yet. */
  readonly findEndpoint: () => string | undefined;
  readonly authorize: (headers: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;
  readonly everySeconds: number;
  readonly fetch: typeof globalThis.fetch;
  /** Seconds since 1970. */
  readonly clock: () => number;
}

/** How many tokens are remembered; of more than that in an hour, the uses of the rest are not told. */
const MAX_TOKENS = 10_000;
const TIMEOUT_MS = 5_000;

interface Use {
  readonly hour: number;
  isReported: boolean;
}

export function createApiTokenUses(options: ApiTokenUsesOptions): ApiTokenUses {
  const { findEndpoint, authorize, everySeconds, fetch, clock } = options;
  const uses = new Map<string, Use>();
  const closing = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  /** Verifiers that were started together do not all report at once. */
  function schedule(): void {
    if (timer !== undefined || closing.signal.aborted) return;
    timer = setTimeout(() => void report(), everySeconds * 1000 * (0.75 + Math.random() / 2)).unref();
  }

  async function report(): Promise<void> {
    const url = findEndpoint();
    const due = [...uses].filter(([, use]) => !use.isReported);
    for (let from = 0; url !== undefined && from < due.length; from += MAX_REPORTED_USES) {
      const page = due.slice(from, from + MAX_REPORTED_USES);
      if (!(await send(url, { uses: page.map(([id, { hour }]) => [id, hour]) }))) break;
      for (const [, use] of page) use.isReported = true;
    }
    const hour = hourOf(clock());
    for (const [id, use] of uses) if (use.isReported && use.hour < hour) uses.delete(id);
    timer = undefined;
    if ([...uses.values()].some((use) => !use.isReported)) schedule();
  }

  /** Whether it was taken; what was not is told with the next. */
  async function send(url: string, body: ApiTokenUsesReport): Promise<boolean> {
    try {
      const response = await fetch(url, {
        method: "POST",
        redirect: "manual",
        headers: authorize({ "Content-Type": "application/json" }),
        body: JSON.stringify(body),
        signal: AbortSignal.any([closing.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      await response.body?.cancel();
      return response.status === 204;
    } catch {
      return false;
    }
  }

  return {
    note(tokenId) {
      const hour = hourOf(clock());
      const known = uses.get(tokenId);
      if (known?.hour === hour || (known === undefined && uses.size >= MAX_TOKENS)) return;
      uses.set(tokenId, { hour, isReported: false });
      schedule();
    },
    close() {
      closing.abort();
      clearTimeout(timer);
      uses.clear();
    },
  };
}

function hourOf(seconds: number): number {
  return Math.floor(seconds / 3600);
}
