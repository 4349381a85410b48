import { setImmediate as nextTurn } from "node:timers/promises";

import pLimit from "p-limit";

import type { Background } from "../ports/background.ts";
import type { Logger } from "../ports/logger.ts";

const CONCURRENCY = 4;

/** What comes beyond this is dropped, and logged: a flood must not fill the memory. */
const MAX_WAITING = 1_000;

/** In this process, a few at a time. */
export function createBackground(logger: Logger): Background {
  const limit = pLimit(CONCURRENCY);
  const running = new Set<Promise<void>>();

  return {
    run(name, work) {
      if (running.size >= MAX_WAITING) {
        logger.error({}, `${name}: dropped, because too much waits`);
        return;
      }
      // In a later turn: what the work costs must not show in the time of the answer that it stands behind.
      const done = nextTurn()
        .then(() => limit(work))
        .catch((error: unknown) => logger.error({ err: error }, `${name}: failed`))
        .finally(() => running.delete(done));
      running.add(done);
    },

    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
