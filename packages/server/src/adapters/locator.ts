import { formatPlace } from "../domain/place.ts";
import type { Locate, Locator } from "../ports/locate.ts";
import type { Logger } from "../ports/logger.ts";

/** A sign-in or refresh waits no longer for what it can do without, in milliseconds. */
const PATIENCE_MS = 250;

export function createLocator(locate: Locate, logger: Logger): Locator {
  let isBroken = false;
  return async (ip) => {
    if (ip === null) return null;
    try {
      const place = formatPlace(await inTime(async () => locate(ip)));
      isBroken = false;
      return place;
    } catch (error) {
      // Once for as long as it lasts: a log entry for every refresh would say no more.
      if (!isBroken) logger.warn({ err: error }, "addresses cannot be located");
      isBroken = true;
      return null;
    }
  };
}

async function inTime<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`locate has not answered within ${PATIENCE_MS} ms.`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([ask(), late]);
  } finally {
    clearTimeout(timer);
  }
}
