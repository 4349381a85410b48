import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createAdaptorServer } from "@hono/node-server";
import type { AuthServer } from "@latchkey/server";
import { createAuthServer, createSqliteStore } from "@latchkey/server";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createCookieStore } from "../src/browser/cookie-store.ts";
import { createTabChannel } from "../src/browser/tab-channel.ts";
import { createTabLock } from "../src/browser/tab-lock.ts";
import type { Client } from "../src/client.ts";
import { assembleClient } from "../src/client.ts";
import { changePassword, endSession, getUser, listSessions } from "../src/calls/manage-account.ts";
import { parseOptions } from "../src/options.ts";
import type { CookieJar } from "./world/cookie-jar.ts";
import { createCookieJar } from "./world/cookie-jar.ts";
import { USER } from "./world/authority.ts";

const folder = mkdtempSync(join(tmpdir(), "latchkey-client-http-"));
let authority: AuthServer;
const http = createAdaptorServer({ fetch: (request) => authority.fetch(request) });
let issuer: string;
const clients: Client[] = [];

beforeAll(async () => {
  await new Promise<void>((resolve) => http.listen(0, "localhost", resolve));
  issuer = `http://localhost:${(http.address() as AddressInfo).port}`;
  authority = createAuthServer({
    issuer,
    store: createSqliteStore({ path: join(folder, "authority.db") }),
    masterSecret: randomBytes(32),
    accessTokenTtlSeconds: 2,
    // Its sessions' ids are the longest there are.
    statusList: true,
  });
});
afterAll(async () => {
  for (const client of clients) client.close();
  await new Promise((resolve) => http.close(resolve));
  await authority.close();
  rmSync(folder, { recursive: true });
});

/** A tab over real HTTP, with real time, channel and locks; only the jar is ours, for Node.js has none. */
function openTab(jar: CookieJar): Client {
  const after = (delayMs: number, callback: () => void): (() => void) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  };
  const { client } = assembleClient({
    settings: parseOptions({ issuer }),
    baseUrl: issuer,
    ports: {
      nowMs: () => performance.now(),
      wallMs: () => Date.now(),
      after,
      randomBytes,
      async fetch(input, init) {
        const request = new Request(input, init);
        request.headers.set("Origin", issuer);
        request.headers.set("Cookie", jar.headerFor(new URL(request.url).pathname));
        const response = await fetch(request);
        jar.store(response.headers.getSetCookie());
        return response;
      },
      store: createCookieStore(jar.page, { secure: false, randomBytes }),
      tabs: createTabChannel(issuer),
      runExclusive: createTabLock(issuer, navigator.locks, after),
    },
  });
  clients.push(client);
  return client;
}

test("sign up, sign in, be refreshed silently in two tabs, manage the account, sign out", async () => {
  const jar = createCookieJar();
  const first = openTab(jar);
  await first.signUp({ ...USER, name: "Ada" });
  await first.signIn(USER);
  const second = openTab(jar);
  expect(await second.start()).toMatchObject({ status: "fresh" });

  const before = await first.getAccessToken();
  await new Promise((resolve) => setTimeout(resolve, 4_500));
  const generation = second.getSession()?.generation ?? 0;
  expect(generation).toBeGreaterThanOrEqual(2);
  expect(generation).toBeLessThanOrEqual(4);
  expect(first.getSession()?.generation).toBe(generation);
  expect(await first.getAccessToken()).not.toBe(before);

  expect(await getUser(first)).toMatchObject({ email: USER.email, name: "Ada" });
  expect((await first.fetch("/auth/me")).status).toBe(200);
  for (const path of ["../me", "..", ".", "a/b", "a..b", "%2e%2e"]) {
    await expect(endSession(first, path)).rejects.toMatchObject({ code: "invalid_request" });
  }

  // Another browser. It hears the first one's channel, and must not care.
  const other = openTab(createCookieJar());
  await other.signIn(USER);
  const sessions = await listSessions(first);
  expect(sessions).toHaveLength(2);
  await endSession(first, other.getSession()?.id ?? "");
  expect(await other.refresh()).toEqual({ status: "ended", reason: "session_ended" });

  await expect(
    changePassword(first, { currentPassword: "wrong", newPassword: "whatever it may be" }),
  ).rejects.toMatchObject({
    code: "invalid_credentials",
  });
  await changePassword(first, { currentPassword: USER.password, newPassword: "another long passphrase" });
  expect(await first.refresh()).toMatchObject({ status: "fresh" });

  expect(await second.signOut()).toEqual({ confirmed: true });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(first.getState()).toEqual({ status: "signed-out" });
  await expect(listSessions(first)).rejects.toMatchObject({ code: "signed_out" });
  expect(jar.copy()).toEqual([]);
});
