import type { Client } from "../client.ts";
import { assembleClient } from "../client.ts";
import { ClientError } from "../errors.ts";
import type { ClientOptions } from "../options.ts";
import { parseOptions } from "../options.ts";
import type { BindingSettings, UnboundReason } from "./binding.ts";
import { createCookieStore } from "./cookie-store.ts";
import { createSuspendAwareClock } from "./suspend-aware-clock.ts";
import { createTabChannel } from "./tab-channel.ts";
import { createTabLock } from "./tab-lock.ts";

/** What the client of a page is made of. */
export interface BrowserClientOptions extends ClientOptions {
  /**
   * Whether sign-ins bind their sessions to a key of this browser (DPoP, RFC 9449), so that copied cookies and tokens are of
   * no use elsewhere. `auto`, the default: wherever there can be a key. `off`: never; for APIs that take bearer tokens alone.
   */
  readonly binding?: "auto" | "off";
}

export interface BrowserClient extends Client {
  /** Why a session is not bound to a key, where `getSession().bound` says that it is not. */
  readonly unbound: { readonly reason: UnboundReason };
}

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
export function createClient({ binding, ...options }: BrowserClientOptions): BrowserClient {
  const settings = parseOptions(options);
  const { issuer, secure } = settings;
  if (new URL(issuer).hostname !== location.hostname) {
    throw new ClientError("invalid_options", "issuer: must be on this page's host.");
  }

  const nowMs = createSuspendAwareClock(() => performance.now(), wallMs);
  const channelName = `latchkey ${issuer}`;
  // Absent where a page is not in a secure context.
  const locks: LockManager | undefined = navigator.locks;

  const unbound: BindingSettings = { issuer, reason: binding === "off" ? "off" : "begun_unbound" };
  // Fetched ahead of its first use; a failure shows there.
  import("./binding.ts").catch(() => undefined);

  const { client, wake } = assembleClient({
    settings,
    baseUrl: document.baseURI,
    ports: {
      nowMs,
      wallMs,
      after,
      randomBytes,
      fetch: async (input, init) => (await import("./binding.ts")).sendBound(unbound, input, init),
      store: createCookieStore(document, { secure, randomBytes }),
      tabs: createTabChannel(channelName),
      runExclusive: createTabLock(channelName, locks, after),
    },
  });

  const closing = new AbortController();
  const { signal } = closing;
  document.addEventListener("visibilitychange", () => document.hidden || wake(), { signal });
  for (const returning of ["online", "pageshow"]) addEventListener(returning, wake, { signal });

  return {
    ...client,
    unbound,
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
