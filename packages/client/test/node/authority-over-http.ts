import type { AddressInfo } from "node:net";

import { createAdaptorServer } from "@hono/node-server";
import type { AuthServer, AuthServerOptions } from "@latchkey/server";
import { createArgon2Hasher, createAuthServer, createSqliteStore } from "@latchkey/server";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { LIGHT_COSTS, USER } from "../world/authority.ts";

/** The real authority behind a real port, with one user, and a place to look at what reaches it. */
export interface AuthorityOverHttp {
  readonly issuer: string;
  readonly server: AuthServer;
  /** Looks at every request first; what it answers, if anything, is the answer. */
  intercept: (request: Request) => Promise<Response | undefined>;
  close(): Promise<void>;
}

export async function openAuthorityOverHttp(
  options: Partial<Omit<AuthServerOptions, "issuer" | "store">> = {},
): Promise<AuthorityOverHttp> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-client-http-"));
  const http = createAdaptorServer({
    fetch: async (request, { incoming }) =>
      (await authority.intercept(request)) ??
      authority.server.fetch(request, { remoteAddress: incoming.socket.remoteAddress }),
  });
  await new Promise<void>((resolve) => http.listen(0, "localhost", resolve));
  const issuer = `http://localhost:${(http.address() as AddressInfo).port}`;
  const server = createAuthServer({
    issuer,
    store: createSqliteStore({ path: join(folder, "authority.db") }),
    masterSecret: randomBytes(32),
    passwordHasher: createArgon2Hasher({ costs: LIGHT_COSTS }),
    ...options,
  });
  const authority: AuthorityOverHttp = {
    issuer,
    server,
    intercept: async () => undefined,
    async close() {
      await new Promise((resolve) => {
        http.close(resolve);
        if ("closeAllConnections" in http) http.closeAllConnections();
      });
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
  const answer = await server.fetch(
    new Request(`${issuer}/auth/signup`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(USER),
    }),
  );
  if (answer.status !== 201) throw new Error(`sign-up: ${answer.status}`);
  return authority;
}
