// One node of an authority, as a process of its own on a store that others share.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import { createAuthServer } from "../../src/index.ts";
import { createPostgresStore } from "../../src/stores/postgres/index.ts";
import type { RedisSessionStoreOptions } from "../../src/stores/redis/index.ts";
import { combineStores, createRedisSessionStore } from "../../src/stores/redis/index.ts";
import { ISSUER, MASTER_SECRET } from "./authority-nodes.ts";

export interface NodeOrder {
  readonly postgresUrl: string;
  /** Where sessions live, if not in PostgreSQL. */
  readonly redis?: RedisSessionStoreOptions;
  /** When to end by itself, in milliseconds. */
  readonly lifetimeMs: number;
}

const { postgresUrl, redis, lifetimeMs } = JSON.parse(process.argv[2] ?? "") as NodeOrder;
setTimeout(() => process.kill(process.pid, "SIGKILL"), lifetimeMs).unref();

const accounts = createPostgresStore({ connectionString: postgresUrl });
const store = redis === undefined ? accounts : combineStores({ accounts, sessions: createRedisSessionStore(redis) });
const server = createAuthServer({ issuer: ISSUER, store, masterSecret: MASTER_SECRET });
await server.ready();

const http = createServer((request, response) => {
  void (async () => {
    const { method = "GET", url = "/", rawHeaders } = request;
    const headers = rawHeaders.flatMap((name, index): [string, string][] =>
      index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ""]] : [],
    );
    const body = method === "GET" ? null : await text(request);
    const answer = await server.fetch(new Request(ISSUER + url, { method, headers, body }));
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
  })();
});
http.listen(0, "127.0.0.1", () => process.stdout.write(`${(http.address() as AddressInfo).port}\n`));
process.on("SIGTERM", () => {
  http.close(() => void server.close());
  http.closeAllConnections();
});
