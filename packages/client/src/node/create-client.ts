import { randomBytes } from "node:crypto";

import { createSuspendAwareClock } from "../browser/suspend-aware-clock.ts";
import type { Client } from "../client.ts";
import { assembleClient } from "../client.ts";
import type { ClientOptions } from "../options.ts";
import { parseOptions } from "../options.ts";
import { createBodyTransport } from "./body-transport.ts";
import { createCredentialVault } from "./credential-vault.ts";
import { createOtherProcesses } from "./other-processes.ts";
import type { TokenStore } from "./token-store.ts";

/** What the client of a program is made of. */
export interface NodeClientOptions extends ClientOptions {
  /** Where the credentials are kept, for example `createFileStore({ folder })`; one for each app and issuer. */
  readonly store: TokenStore;
}

/**
 * Makes the client of a CLI, an agent or a service. Any number of processes may share one store: they share the session and
 * its access token, and what one does, sign-in and sign-out included, the others find at their next call.
 *
 * A process ends when it has nothing else to do: calls keep it alive, the client's own timers do not.
 *
 * @throws ClientError `invalid_options`
 */
export function createClient({ store, ...options }: NodeClientOptions): Client {
  const settings = parseOptions(options);
  const { issuer } = settings;
  const vault = createCredentialVault(store, { issuer, randomBytes });
  const others = createOtherProcesses(vault, wallMs);

  const { client } = assembleClient({
    settings,
    baseUrl: undefined,
    ports: {
      nowMs: createSuspendAwareClock(() => performance.now(), wallMs),
      wallMs,
      after,
      randomBytes,
      fetch: createBodyTransport({ issuer, vault, wallMs, fetch: (input, init) => fetch(input, init) }),
      store: vault.credentials,
      tabs: others,
      runExclusive: store.runExclusive ?? ((work) => work()),
    },
  });

  /** For whoever wants a token: the one that the store has now, and of the session that it has now. */
  async function lookAround(): Promise<void> {
    if (others.look() && vault.read()?.answer.session_id !== client.getSession()?.id) await client.refresh();
  }

  return {
    ...client,
    start: () => keepAlive(() => client.start()),
    refresh: () => keepAlive(() => client.refresh()),
    signUp: (request) => keepAlive(() => client.signUp(request)),
    signIn: (request) => keepAlive(() => client.signIn(request)),
    signOut: () => keepAlive(() => client.signOut()),
    signOutEverywhere: () => keepAlive(() => lookAround().then(client.signOutEverywhere)),
    getAccessToken: () => keepAlive(() => lookAround().then(client.getAccessToken)),
    fetch: (input, init) => keepAlive(() => lookAround().then(() => client.fetch(input, init))),
  };
}

const wallMs = (): number => Date.now();

/** The client's timers are no reason for a process to go on. */
function after(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}

const FOR_EVER_MS = 2 ** 31 - 1;

/** What was asked for is. */
async function keepAlive<T>(work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, FOR_EVER_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
