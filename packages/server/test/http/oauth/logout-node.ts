// An authority on a shared database that tells a client of endings, as a process of its own that can be killed.
import type { AuthServerOptions } from "../../../src/index.ts";
import { createAuthServer, createSqliteStore } from "../../../src/index.ts";

export interface LogoutNodeOrder {
  readonly path: string;
  /** In hexadecimal. */
  readonly masterSecret: string;
  readonly now: number;
  readonly options: Pick<AuthServerOptions, "issuer" | "audiences" | "scopes" | "clients">;
}

const { path, masterSecret, now, options } = JSON.parse(process.argv[2] ?? "") as LogoutNodeOrder;
setTimeout(() => process.kill(process.pid, "SIGKILL"), 60_000);
const server = createAuthServer({
  ...options,
  store: createSqliteStore({ path }),
  masterSecret: Buffer.from(masterSecret, "hex"),
  clock: () => now,
  logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
});
await server.ready();
