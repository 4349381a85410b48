import type { PostgresClient, PostgresPool } from "./database.ts";
import { QUERY_TIMEOUT_MS } from "./database.ts";

/** How long to wait before another connection is tried, in milliseconds. */
const PAUSE_MS = 1_000;

/**
 * Calls the listener at every `NOTIFY latchkey_event`, on a connection of its own, which is opened anew whenever it breaks.
 * Each time it has been opened the listener is called as well: nobody knows what was missed before.
 */
export function watchNotifications(pool: PostgresPool, listener: () => void): () => void {
  let client: PostgresClient | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const release = (): void => {
    const released = client;
    client = undefined;
    released?.off("notification", listener);
    // With an error, so that it is closed: nobody else must be given a connection that listens.
    released?.release(new Error("The connection was used to listen."));
  };

  const retry = (): void => {
    release();
    if (stopped || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      void listen();
    }, PAUSE_MS);
    timer.unref();
  };

  const listen = async (): Promise<void> => {
    try {
      const opened = await pool.connect();
      opened.on("error", () => {
        if (client === opened) retry();
      });
      client = opened;
      // oxlint-disable-next-line typescript/no-unnecessary-condition -- it may have been stopped while the pool connected
      if (stopped) return release();
      opened.on("notification", listener);
      await opened.query({ text: "LISTEN latchkey_event", query_timeout: QUERY_TIMEOUT_MS });
      listener();
    } catch {
      retry();
    }
  };

  void listen();
  return () => {
    stopped = true;
    clearTimeout(timer);
    release();
  };
}
