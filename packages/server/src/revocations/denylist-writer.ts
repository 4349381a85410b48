import type { Revocation } from "@latchkey/protocol";

import type { Clock } from "../ports/clock.ts";
import type { Denylist } from "../ports/denylist.ts";
import type { Logger } from "../ports/logger.ts";
import type { RevocationFeed } from "./revocation-feed.ts";

/** Writes what this node hears of revocations to a denylist, until it is closed. */
export interface DenylistWriter {
  close(): Promise<void>;
}

/** How often to say that the list is up to date, in milliseconds, and to try again where it could not be written. */
const CONFIRM_MS = 2_000;

const CHUNK = 500;

export function startDenylistWriter(options: {
  readonly denylist: Denylist;
  readonly feed: Pick<RevocationFeed, "subscribe" | "catchUp">;
  readonly clock: Clock;
  readonly logger: Logger;
}): DenylistWriter {
  const { denylist, feed, clock, logger } = options;
  let pending: Revocation[] = [];
  let isClosed = false;
  let failing = false;
  /** How many losses there had been when all was there. */
  let completeAt: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;

  const flush = async (): Promise<void> => {
    while (pending.length > 0) {
      const taken = pending;
      pending = [];
      for (let from = 0; from < taken.length; from += CHUNK) await denylist.add(taken.slice(from, from + CHUNK));
    }
  };

  const write = async (): Promise<void> => {
    const at = clock();
    await feed.catchUp();
    const { losses } = denylist;
    await flush();
    if (losses === completeAt && (await denylist.confirm(at, false))) return;
    pending = [...everythingLive()];
    await flush();
    if (denylist.losses !== losses) return;
    await denylist.confirm(at, true);
    completeAt = losses;
  };

  const tryToWrite = async (): Promise<void> => {
    try {
      await write();
      if (failing) logger.info({}, "the denylist can be written again");
      failing = false;
    } catch (error) {
      // Whoever reads the list sees that nobody has confirmed it. All will be written again, so nothing need wait.
      pending = [];
      completeAt = undefined;
      if (!failing && !isClosed) logger.error({ err: error }, "the denylist cannot be written");
      failing = true;
    }
  };

  const everythingLive = (): readonly Revocation[] => {
    let live: readonly Revocation[] = [];
    feed.subscribe((revocations) => {
      live = revocations;
    })();
    return live;
  };

  const writeIn = (milliseconds: number): void => {
    if (isClosed) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      writing ??= tryToWrite().finally(() => {
        writing = undefined;
        writeIn(pending.length > 0 && !failing ? 0 : CONFIRM_MS);
      });
    }, milliseconds);
    timer.unref();
  };

  const unsubscribe = feed.subscribe((revocations) => {
    if (failing) return;
    for (const revocation of revocations) pending.push(revocation);
    // What comes while it writes, it writes as well.
    if (revocations.length > 0 && writing === undefined) writeIn(0);
  });
  writeIn(0);

  return {
    async close() {
      isClosed = true;
      clearTimeout(timer);
      unsubscribe();
      await writing;
      await denylist.close();
    },
  };
}
