import { inspect } from "node:util";

import { afterAll, beforeAll, expect, test } from "vitest";

import type { TestAuthority } from "./world/authority.ts";
import { ISSUER, openAuthority, USER } from "./world/authority.ts";
import { createBrowser } from "./world/browser.ts";

let authority: TestAuthority;

beforeAll(async () => {
  authority = await openAuthority();
});
afterAll(() => authority.close());

test("nothing printed, serialised, told to listeners or kept by the page holds a token or the password", async () => {
  const browser = createBrowser({ issuer: ISSUER, server: (request) => authority.server.fetch(request) });
  const tab = browser.openTab();
  const wrong = tab.client.signIn({ ...USER, password: "not the secret" }).catch((error: unknown) => error);
  await browser.runSmoothly(100);
  const signingIn = tab.client.signIn(USER);
  await browser.runSmoothly(100);
  const refreshing = tab.client.refresh();
  await browser.runSmoothly(100);
  const shown = [tab.client, tab.client.getState(), tab.events, await wrong, await signingIn, await refreshing];
  const text = [
    JSON.stringify(shown),
    inspect(shown, { depth: 20, showHidden: true, getters: true }),
    Object.values(tab.client).map(String).join(),
    browser.jar.page.cookie,
  ].join("\n");

  const token = await tab.client.getAccessToken();
  const refreshToken = browser.jar.get("latchkey-rt") ?? "missing";
  expect(text).toContain(USER.email);
  for (const secret of [token, refreshToken, USER.password, "not the secret"]) expect(text).not.toContain(secret);
  // Nor any part of a JWT.
  expect(text).not.toMatch(/\beyJ/);
});
