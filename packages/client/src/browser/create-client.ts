import type { Client } from "../client.ts";
import { assembleClient } from "../client.ts";
import { ClientError } from "../errors.ts";
import type { ClientOptions } from "../options.ts";
import { parseOptions } from "../options.ts";
import { createCookieStore } from "./cookie-store.ts";
import { createSuspendAwareClock } from "./suspend-aware-clock.ts";
import { createTabChannel } from "./tab-channel.ts";
import { createTabLock } from "./tab-lock.ts";

/**
 * Makes the client of a page. Call `start()` next.
 *
 * ```ts
 * const client = createClient({ issuer: "https://app.example.com", apiOrigins: ["https://api.example.com"] });
 * await client.start();
 * ```
 *
 * @throws ClientError `invalid_options`
 */
export function createClient(options: ClientOptions): Client {
  const settings = parseOptions(options);
  const { origin, hostname } = new URL(settings.issuer);
  if (hostname !== location.hostname) {
    throw new ClientError(
      "invalid_options",
      `issuer: must be on this page's host, ${location.hostname}, whose cookies it can read.`,
    );
  }

  const nowMs = createSuspendAwareClock(() => performance.now(), wallMs);
  const channelName = `latchkey ${settings.issuer}`;
  // Absent where a page is not in a secure context.
  const locks: LockManager | undefined = navigator.locks;

  const { client, wake } = assembleClient({
    settings,
    credentials: origin === location.origin ? "same-origin" : "include",
    baseUrl: document.baseURI,
    ports: {
      nowMs,
      wallMs,
      after,
      randomBytes,
      fetch: (input, init) => fetch(input, init),
      store: createCookieStore(document, { secure: settings.secure, randomBytes }),
      tabs: createTabChannel(channelName),
      runExclusive: createTabLock(channelName, locks, after),
    },
  });

  const closing = new AbortController();
  const { signal } = closing;
  document.addEventListener("visibilitychange", () => document.hidden || wake(), { signal });
  addEventListener("online", wake, { signal });
  addEventListener("pageshow", wake, { signal });

  return {
    ...client,
    close() {
      closing.abort();
      client.close();
    },
  };
}

const wallMs = (): number => Date.now();

const randomBytes = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

function after(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}
