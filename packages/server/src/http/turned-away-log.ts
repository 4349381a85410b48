import type { Logger } from "../ports/logger.ts";

/** Says in the log that requests are turned away for want of room, and how many, without a line for each. */
export interface TurnedAwayLog {
  count(): void;
}

/** How often it is said, in milliseconds. */
const EVERY_MS = 10_000;

const MESSAGE = "requests are turned away for now, since there is too much to do";

/** The first is said at once; how many followed, every ten seconds for as long as there are any. */
export function createTurnedAwayLog(logger: Logger): TurnedAwayLog {
  let requests = 0;
  let timer: NodeJS.Timeout | undefined;

  const tell = (): void => {
    timer = undefined;
    if (requests === 0) return;
    logger.warn({ requests }, MESSAGE);
    requests = 0;
    timer = setTimeout(tell, EVERY_MS).unref();
  };

  return {
    count() {
      requests += 1;
      if (timer === undefined) tell();
    },
  };
}
