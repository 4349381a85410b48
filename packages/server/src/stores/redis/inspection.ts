import { ConfigurationError } from "../../errors.ts";
import type { RedisClient, RedisCommands } from "./client.ts";
import { isCluster } from "./client.ts";

/**
 * What the store does about a server that may forget what it has answered. `checked`: it refuses to work with one.
 * `unchecked`: it does not look, and whoever runs it answers for what docs/stores-redis.md says of that.
 */
export type Durability = "checked" | "unchecked";

const OLDEST_MAJOR = 7;

/** Rejects where a server is not fit to hold sessions: too old, evicting, a replica, or forgetful. */
export async function inspectServer(client: RedisClient, durability: Durability): Promise<void> {
  const servers: readonly RedisCommands[] = isCluster(client) ? client.nodes("master") : [client];
  await Promise.all(servers.map((server) => inspectOne(server, durability)));
}

async function inspectOne(server: RedisCommands, durability: Durability): Promise<void> {
  const info = parseInfo(String(await server.call("INFO")));
  const version = info.get("redis_version") ?? "";
  if (Number.parseInt(version, 10) < OLDEST_MAJOR) {
    throw new ConfigurationError(`Redis is version ${version}; the store needs ${OLDEST_MAJOR} or newer, or Valkey.`);
  }
  if (info.get("role") === "slave") {
    throw new Error("This Redis server is a replica: connect to the primary, by Sentinel or Cluster if it may change.");
  }
  // An evicted session signs somebody out. An evicted index of a user's sessions hides them from "sign out everywhere".
  const policy = info.get("maxmemory_policy");
  if (policy !== undefined && policy !== "noeviction") {
    throw new ConfigurationError(
      `Redis may evict sessions (maxmemory-policy ${policy}). Give sessions a server with maxmemory-policy noeviction.`,
    );
  }
  if (durability === "checked") await inspectDurability(server);
}

async function inspectDurability(server: RedisCommands): Promise<void> {
  const wanted = { appendonly: "yes", appendfsync: "always", "no-appendfsync-on-rewrite": "no" };
  const found = await readConfiguration(server, Object.keys(wanted));
  const wrong = Object.entries(wanted).filter(([name, value]) => found.get(name) !== value);
  if (wrong.length === 0) return;
  const settings = wrong.map(([name, value]) => `${name} ${value} (it is ${found.get(name) ?? "not told"})`);
  throw new ConfigurationError(
    `Redis may forget a revocation that it has confirmed, and the session would be alive again. Set ${settings.join(", ")}; ` +
      'or accept that by durability: "unchecked".',
  );
}

async function readConfiguration(
  server: RedisCommands,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  let answer: unknown;
  try {
    answer = await server.call("CONFIG", "GET", ...names);
  } catch (error) {
    // Not told, as by many hosts: an error reply. A broken connection is no answer at all, and is tried again.
    if (!(error instanceof Error) || error.name !== "ReplyError") throw error;
    throw new ConfigurationError(
      "Redis does not tell how it is configured (CONFIG GET). Permit that; or, if you know that it keeps what it has " +
        'confirmed, say durability: "unchecked".',
      { cause: error },
    );
  }
  return new Map(pairs(answer).map(([name, value]) => [String(name), String(value)]));
}

/** A map as RESP2 answers it, in one flat list, or as RESP3 does. */
function pairs(answer: unknown): (readonly [unknown, unknown])[] {
  if (answer instanceof Map) return [...(answer as Map<unknown, unknown>)];
  if (!Array.isArray(answer)) return Object.entries(answer ?? {});
  const list = answer as readonly unknown[];
  return list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1]] as const] : []));
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\r\n").flatMap((line) => {
      const colon = line.indexOf(":");
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)] as const] : [];
    }),
  );
}
