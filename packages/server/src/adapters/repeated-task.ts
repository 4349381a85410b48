import type { Logger } from "../ports/logger.ts";

/** Work that is done again and again until it is closed. */
export interface RepeatedTask {
  /** Ends it; resolves once nothing of it runs. */
  close(): Promise<void>;
}

export interface RepeatedTaskOptions {
  /** What fails, for the log; the first failure of a row is logged, and that it works again. */
  readonly name: string;
  readonly logger: Logger;
  /** When to begin, in milliseconds. */
  readonly firstMs: number;
  /** When to try again after a failure, in milliseconds. */
  readonly retryMs: number;
  /** Answers when to do it again, in milliseconds. To be ended soon once the signal is. */
  readonly work: (signal: AbortSignal) => Promise<number>;
}

/** The next time begins some time after the last has ended. Keeps no process alive. */
export function startRepeatedTask({ name, logger, firstMs, retryMs, work }: RepeatedTaskOptions): RepeatedTask {
  const closing = new AbortController();
  let isFailing = false;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const runOnce = async (): Promise<number> => {
    try {
      const pauseMs = await work(closing.signal);
      if (isFailing) logger.info({}, `${name}: works again`);
      isFailing = false;
      return pauseMs;
    } catch (error) {
      if (!isFailing && !closing.signal.aborted) logger.error({ err: error }, `${name}: failed, and is tried again`);
      isFailing = true;
      return retryMs;
    }
  };

  const runIn = (milliseconds: number): void => {
    if (closing.signal.aborted) return;
    timer = setTimeout(() => {
      running = runOnce().then(runIn);
    }, milliseconds);
    timer.unref();
  };
  runIn(firstMs);

  return {
    async close() {
      closing.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
