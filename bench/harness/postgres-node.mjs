/** One server process of several on a PostgreSQL database: what `latchkey serve` is to SQLite. */
import { parseArgs } from "node:util";

import { createAuthServer } from "@latchkey/server";
import { createPostgresStore } from "@latchkey/server/postgres";
import { listen, stopOnSignal } from "latchkey";

const { values: flags } = parseArgs({
  options: { port: { type: "string", default: "0" }, issuer: { type: "string", default: "" } },
});

const server = createAuthServer({
  issuer: flags.issuer,
  store: createPostgresStore({ connectionString: process.env["BENCH_DATABASE_URL"] ?? "" }),
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
