/** One server process of several on a database: what `latchkey serve` is to a folder with SQLite. */
/// <reference types="node" />
import { parseArgs } from "node:util";

import { createAuthServer, createSqliteStore } from "@latchkey/server";
import { createPostgresStore } from "@latchkey/server/postgres";
import { combineStores, createRedisSessionStore } from "@latchkey/server/redis";
import { listen, stopOnSignal } from "latchkey";

const { values: flags } = parseArgs({
  options: { port: { type: "string", default: "0" }, issuer: { type: "string", default: "" } },
});

const server = createAuthServer({
  issuer: flags.issuer,
  store: openStore(),
  masterSecret: process.env["BENCH_MASTER_SECRET"] ?? "",
});
await server.ready();
const listener = await listen({
  port: Number(flags.port),
  hostname: "127.0.0.1",
  fetch: (request, connection) => server.fetch(request, connection),
});
stopOnSignal(async () => {
  await listener.stop();
  await server.close();
});

/** Everything in one database, or, where a Redis server is named, the sessions there. */
function openStore() {
  const url = process.env["BENCH_DATABASE_URL"];
  const accounts =
    url === undefined
      ? createSqliteStore({ path: process.env["BENCH_SQLITE_PATH"] ?? "" })
      : createPostgresStore({ connectionString: url });
  const redisUrl = process.env["BENCH_REDIS_URL"];
  if (redisUrl === undefined) return accounts;
  const durability = process.env["BENCH_REDIS_DURABILITY"] === "unchecked" ? "unchecked" : "checked";
  return combineStores({ accounts, sessions: createRedisSessionStore({ url: redisUrl, durability }) });
}
