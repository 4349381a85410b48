import type { RunExclusive, StartTimer } from "../core/ports.ts";

/**
 * One tab at a time, by Web Locks where they are. The wait is bounded: the tab that holds the lock may be frozen or hung,
 * and then work goes on without it. So nobody can ever be locked out, and nobody may rely on being alone.
 */
export function createTabLock(name: string, locks: LockManager | undefined, after: StartTimer): RunExclusive {
  return async (work, maxWaitMs) => {
    if (locks === undefined) return work();
    const waiting = new AbortController();
    const cancelTimer = after(maxWaitMs, () => waiting.abort());
    let outcome: ReturnType<typeof work> | undefined;
    try {
      await locks.request(name, { signal: waiting.signal }, () => {
        cancelTimer();
        outcome = work();
        return outcome.then(ignore, ignore);
      });
    } catch {
      // Waited long enough, or locks are refused here (an opaque origin).
      outcome ??= work();
    } finally {
      cancelTimer();
    }
    return outcome ?? work();
  };
}

function ignore(): void {}
