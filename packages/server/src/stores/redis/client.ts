import { Redis } from "ioredis";

import { ConfigurationError } from "../../errors.ts";

/** What the store needs of `ioredis`; its `Redis` and its `Cluster` fit. */
export interface RedisClient extends RedisCommands {
  readonly status: string;
  connect(): Promise<unknown>;
  disconnect(): void;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  duplicate(override?: object): RedisClient;
}

export interface RedisCommands {
  call(command: string, ...values: (string | number)[]): Promise<unknown>;
}

/** A `Cluster` of ioredis; the nodes of one are asked one by one how they are configured. */
export interface RedisClusterClient extends RedisClient {
  nodes(role: "master"): RedisCommands[];
}

export function isCluster(client: RedisClient): client is RedisClusterClient {
  return "nodes" in client;
}

/** How long a connection may take, in milliseconds, and how long an answer, before the connection is given up. */
const CONNECT_TIMEOUT_MS = 2_000;
const SOCKET_TIMEOUT_MS = 5_000;
const LONGEST_PAUSE_MS = 500;

/** A client of the store's own. It connects at first use and again whenever the connection is lost. */
export function openClient(url: string): RedisClient {
  if (!/^rediss?:\/\//.test(url)) throw new ConfigurationError("url: must begin with redis:// or rediss://");
  const client = new Redis(url, {
    lazyConnect: true,
    // What cannot be sent now fails now, and what was sent and not answered fails when the connection does: the client of
    // this server asks again, and nothing is done twice behind its back.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    keepAlive: 10_000,
    noDelay: true,
    retryStrategy: (attempt) => Math.min(attempt * 50, LONGEST_PAUSE_MS),
    // What was the primary has become a replica: look up who is it now.
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
  });
  // Whoever needs the connection hears of it; unheard, ioredis would write to the console.
  client.on("error", () => undefined);
  return client;
}

/** One more connection to the same server, made at first use. It is whoever asks for it that closes it. */
export function duplicate(client: RedisClient): RedisClient {
  if (isCluster(client)) {
    throw new ConfigurationError(
      "replicas: cannot be confirmed through a Cluster client. Give the store a Redis client of the primary of its slot.",
    );
  }
  const another = client.duplicate();
  another.on("error", () => undefined);
  return another;
}
