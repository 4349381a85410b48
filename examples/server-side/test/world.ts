import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createAdaptorServer } from "@hono/node-server";
import { createAuthServer, createSqliteStore } from "@latchkey/server";
import { createVerifier } from "@latchkey/verifier";
import { guard } from "@latchkey/verifier/hono";
import { Hono } from "hono";

export const USER = { email: "ada@example.com", password: "a long enough passphrase" };

/** A real authority and a real API, each behind a port of its own, all on one host. */
export interface World {
  readonly issuer: string;
  readonly apiOrigin: string;
  /** How many refreshes have reached the authority. */
  readonly refreshes: () => number;
  /** The headers of the last request to the API. */
  readonly seenByApi: () => Headers | undefined;
  readonly close: () => Promise<void>;
}

type Fetch = (request: Request) => Response | Promise<Response>;

export async function listen(fetch: Fetch): Promise<{ readonly origin: string; readonly close: () => Promise<void> }> {
  const server = createAdaptorServer({ fetch }) as Server;
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export async function openWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-server-side-"));
  let refreshes = 0;
  let seenByApi: Headers | undefined;
  const http = await listen((request) => {
    if (request.url.endsWith("/auth/refresh")) refreshes += 1;
    return authority.fetch(request);
  });
  const issuer = http.origin;
  const authority = createAuthServer({
    issuer,
    store: createSqliteStore({ path: join(folder, "authority.db") }),
    masterSecret: randomBytes(32),
    audiences: ["https://api.example.com"],
    cookies: { scope: "origin", accessToken: true },
    // What saves a session here is its attempt key, and no window in which anything goes.
    retryWindowSeconds: 0,
  });
  const signUp = await fetch(`${issuer}/auth/signup`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(USER),
  });
  if (signUp.status !== 201) throw new Error(`sign-up: ${signUp.status}`);

  const verifier = createVerifier({ issuer, audience: "https://api.example.com" });
  const app = new Hono();
  app.use(async ({ req }, next) => {
    seenByApi = req.raw.headers;
    await next();
  });
  app.use(guard(verifier));
  app.get("/user", (context) => context.text(`user ${context.get("auth").subject}`));
  app.get("/reports", (context) => context.text("two reports"));
  app.post("/reports", async (context) => context.text(`written: ${await context.req.text()}`));
  const api = await listen(app.fetch);

  return {
    issuer,
    apiOrigin: api.origin,
    refreshes: () => refreshes,
    seenByApi: () => seenByApi,
    async close() {
      await Promise.all([http.close(), api.close()]);
      await authority.close();
      rmSync(folder, { recursive: true });
    },
  };
}
