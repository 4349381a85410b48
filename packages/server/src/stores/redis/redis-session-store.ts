import { ConfigurationError } from "../../errors.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import type { SessionBackend } from "../../ports/store.ts";
import type { RedisClient } from "./client.ts";
import { openClient } from "./client.ts";
import { createConnection } from "./connection.ts";
import type { EndingRegister } from "./ending-register.ts";
import { createEndingRegister } from "./ending-register.ts";
import type { EventRelay } from "./event-relay.ts";
import { createEventRelay } from "./event-relay.ts";
import { createEventLog } from "./events.ts";
import type { Durability } from "./inspection.ts";
import { inspectServer } from "./inspection.ts";
import { createSessionVerbs } from "./sessions.ts";

export type RedisSessionStoreOptions = RedisSessionStoreSettings &
  (
    | {
        /** For example `redis://:password@host:6379/0`, or `rediss://` for TLS; the store keeps a connection of its own. */
        readonly url: string;
      }
    | {
        /** A `Redis` or `Cluster` of ioredis of yours. It stays yours to close, and to listen to its `error` events. */
        readonly client: RedisClient;
      }
  );

export interface RedisSessionStoreSettings {
  /** What the names of all keys begin with, between braces; `latchkey` by default. */
  readonly prefix?: string;
  /** Whether a server that may forget a confirmed revocation is refused; `checked`, so it is, by default. */
  readonly durability?: Durability;
  /** About how many events are kept, in memory; the oldest are dropped first. 1,000,000 by default. */
  readonly eventsKept?: number;
}

export interface RedisSessionStore extends SessionBackend {
  /** What combineStores needs beyond the port, for changes that span two stores. */
  readonly joint: {
    readonly endings: EndingRegister;
    readonly relay: EventRelay;
    /** The same verbs, which act in spite of announced endings that have been found to be undecided. */
    readonly sessionsDespite: (undecided: readonly string[]) => SessionStore;
  };
}

const EVENTS_KEPT = 1_000_000;

/**
 * Sessions and the log of their events in Redis.
 *
 * @throws ConfigurationError for options that cannot be served safely; and its verbs reject with one as long as the
 *   server's configuration cannot
 */
export function createRedisSessionStore(options: RedisSessionStoreOptions): RedisSessionStore {
  const { prefix = "latchkey", durability = "checked", eventsKept = EVENTS_KEPT } = options;
  if (!/^[\w.:-]{1,64}$/.test(prefix)) {
    throw new ConfigurationError("prefix: must be 1 to 64 letters, digits or any of _ . : -");
  }
  if (!Number.isSafeInteger(eventsKept) || eventsKept < 1) {
    throw new ConfigurationError("eventsKept: must be a whole number above 0.");
  }
  const client = "client" in options ? options.client : openClient(options.url);
  const connection = createConnection({
    client,
    base: `{${prefix}}:`,
    inspectServer: (server) => inspectServer(server, durability),
  });
  const sessionsDespite = (undecided: readonly string[]): SessionStore =>
    createSessionVerbs({ connection, durable: connection, eventsKept, undecided });
  let closed = false;
  return {
    sessions: sessionsDespite([]),
    joint: {
      endings: createEndingRegister(connection),
      relay: createEventRelay(connection, eventsKept),
      sessionsDespite,
    },
    events: createEventLog(connection, eventsKept),
    checkHealth: () => connection.inspect(),
    async close() {
      if (closed) return;
      closed = true;
      connection.close();
      if (!("client" in options)) client.disconnect();
    },
  };
}
