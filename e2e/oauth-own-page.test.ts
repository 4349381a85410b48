import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createAdaptorServer } from "@hono/node-server";
import type { AuthServer } from "@latchkey/server";
import { createAuthServer, createSqliteStore } from "@latchkey/server";
import * as oidc from "openid-client";
import { describe, expect, it, onTestFinished } from "vitest";

import { isBrowserMissing, launchChromium } from "./chromium.ts";
import { bundleScripts } from "./bundle-scripts.ts";

const USER = { email: "ada@example.com", password: "correct horse battery staple" };
const CALLBACK = "http://127.0.0.1:9/callback";
const HTML = `<!doctype html><title>Let in</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>`;

/** An authority whose operator has a page of their own that asks, with @latchkey/client. */
async function start(): Promise<AuthServer> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-own-page-"));
  const scripts = await bundleScripts(join(import.meta.dirname, "bound-page", "page.ts"));
  const http = createAdaptorServer({
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/let-in") return new Response(HTML, { headers: { "Content-Type": "text/html" } });
      const script = scripts.get(pathname);
      if (script !== undefined) return new Response(script, { headers: { "Content-Type": "text/javascript" } });
      return authority.fetch(request);
    },
  }) as Server;
  http.listen(0, "localhost");
  await once(http, "listening");
  const issuer = `http://localhost:${(http.address() as AddressInfo).port}`;
  const authority = createAuthServer({
    issuer,
    store: createSqliteStore({ path: join(folder, "authority.db") }),
    masterSecret: randomBytes(32),
    rateLimits: false,
    clients: [{ clientId: "shop", name: "The Shop", redirectUris: ["http://127.0.0.1/callback"] }],
    oauth: { interactionUrl: `${issuer}/let-in` },
  });
  onTestFinished(async () => {
    http.close();
    http.closeAllConnections();
    await authority.close();
    rmSync(folder, { recursive: true });
  });
  await authority.ready();
  return authority;
}

describe.skipIf(isBrowserMissing)("a page of the operator's own that asks", () => {
  it("asks who is signed in already, and bound to a key, for no password; the app stays signed in", async () => {
    const { issuer } = await start();
    const browser = await launchChromium();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.goto(`${issuer}/let-in`);
    await page.evaluate(async (user) => {
      const json = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(user) };
      await fetch("/auth/signup", json);
      await window.latchkey.signIn(user);
    }, USER);
    expect(await page.evaluate(() => window.latchkey.getSession()?.bound)).toBe(true);

    const execute = [oidc.allowInsecureRequests];
    const config = await oidc.discovery(new URL(issuer), "shop", undefined, oidc.None(), { execute });
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope: "openid",
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
    });
    await page.goto(url.href);
    await page.waitForFunction(() => "latchkey" in window);
    const { asked, answered } = await page.evaluate(async () => {
      const handle = new URLSearchParams(location.hash.slice(1)).get("request");
      const interaction = `/oauth/interaction/${handle}`;
      await window.latchkey.start();
      const answer = await window.latchkey.fetch(interaction, {
        method: "POST",
        credentials: "include",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ decision: "allow" }),
      });
      const question = await fetch(interaction, { credentials: "include" });
      return { asked: (await question.json()) as unknown, answered: (await answer.json()) as { redirect_to: string } };
    });
    expect(asked).toMatchObject({ client: { id: "shop", name: "The Shop" }, scope: "openid" });
    const tokens = await oidc.authorizationCodeGrant(config, new URL(answered.redirect_to), { pkceCodeVerifier });
    expect(tokens.claims()?.aud).toBe("shop");
    expect(tokens.token_type).toBe("bearer");
    expect(await page.evaluate(async () => (await window.latchkey.fetch("/auth/me")).status)).toBe(200);
  });
});
