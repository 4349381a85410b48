import type { SessionStore } from "../../ports/session-store.ts";
import type { SessionBackend } from "../../ports/store.ts";
import type { RedisClient } from "./client.ts";
import { duplicate, openClient } from "./client.ts";
import type { Connection } from "./connection.ts";
import { createConnection } from "./connection.ts";
import type { EndingRegister } from "./ending-register.ts";
import { createEndingRegister } from "./ending-register.ts";
import type { EventRelay } from "./event-relay.ts";
import { createEventRelay } from "./event-relay.ts";
import { createEventLog } from "./events.ts";
import { inspectServer } from "./inspection.ts";
import { createOneTimeStore } from "./one-time.ts";
import { replicated } from "./replicated.ts";
import type { RedisSessionStoreSettings } from "./settings.ts";
import { parseSettings } from "./settings.ts";
import { createSessionVerbs } from "./sessions.ts";
import { watchMessages } from "./watch-messages.ts";

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

export interface RedisSessionStore extends SessionBackend {
  /** What combineStores needs beyond the port, for changes that span two stores. */
  readonly joint: {
    readonly endings: EndingRegister;
    readonly relay: EventRelay;
    /** The same verbs, which act in spite of announced endings that have been found to be undecided. */
    readonly sessionsDespite: (undecided: readonly string[]) => SessionStore;
  };
}

/**
 * Sessions and the log of their events in Redis.
 *
 * @throws ConfigurationError for options that cannot be served safely; and its verbs reject with one as long as the
 *   server's configuration cannot
 */
export function createRedisSessionStore(options: RedisSessionStoreOptions): RedisSessionStore {
  const { prefix, durability, eventsKept, replicas } = parseSettings(options);
  const base = `{${prefix}}:`;
  const client = "client" in options ? options.client : openClient(options.url);
  const connect = (to: RedisClient): Connection =>
    createConnection({
      client: to,
      base,
      inspectServer: (server) => inspectServer(server, durability),
    });
  const connection = connect(client);
  const second = replicas === 0 ? undefined : duplicate(client);
  const durable = second === undefined ? connection : replicated(connect(second), second, replicas);

  const sessionsDespite = (undecided: readonly string[]): SessionStore =>
    createSessionVerbs({ connection, durable, eventsKept, undecided });
  let closed = false;
  return {
    sessions: sessionsDespite([]),
    joint: {
      endings: createEndingRegister(durable, eventsKept),
      relay: createEventRelay(durable, eventsKept),
      sessionsDespite,
    },
    events: createEventLog({
      connection,
      durable,
      eventsKept,
      watch: (listener) => watchMessages(client, `${base}events`, listener),
    }),
    oneTime: createOneTimeStore(durable),
    checkHealth: () => connection.inspect(),
    async close() {
      if (closed) return;
      closed = true;
      connection.close();
      durable.close();
      second?.disconnect();
      if (!("client" in options)) client.disconnect();
    },
  };
}
