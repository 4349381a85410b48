import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createAdaptorServer } from "@hono/node-server";
import type { AuthServer } from "@latchkey/server";
import { createAuthServer, createSqliteStore } from "@latchkey/server";
import { createVerifier } from "@latchkey/verifier";
import { guard, requireScope } from "@latchkey/verifier/fetch";
import * as oidc from "openid-client";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { isBrowserMissing, launchChromium } from "./chromium.ts";

const API = "https://api.example.com";
const USER = { email: "ada@example.com", password: "correct horse battery staple", name: "Ada" };

// Where it is missing the tests are skipped by name; a CI without a browser must not look green.
describe.skipIf(isBrowserMissing)("a shop that lets people in by OAuth, in a browser", () => {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-oauth-e2e-"));
  const https: Server[] = [];
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let authority: AuthServer;
  let config: oidc.Configuration;
  let shop: string;

  async function listen(http: Server): Promise<string> {
    https.push(http);
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  }

  beforeAll(async () => {
    const atShop: RequestListener = (_, response) => {
      response
        .setHeader("Content-Type", "text/html")
        .end("<!doctype html><title>Shop</title><link rel=icon href=data:,>");
    };
    shop = await listen(createServer(atShop));
    const http = createAdaptorServer({ fetch: (request) => authority.fetch(request) }) as Server;
    const issuer = await listen(http);
    const client = { name: "<b>The Shop</b>", scopes: ["openid", "email", "orders:read"], audiences: [API] };
    authority = createAuthServer({
      issuer,
      store: createSqliteStore({ path: join(folder, "latchkey.db") }),
      masterSecret: randomBytes(32),
      audiences: [API],
      scopes: { allowed: ["orders:read"] },
      rateLimits: false,
      clients: [
        { ...client, clientId: "shop", redirectUris: ["http://127.0.0.1/callback"] },
        { ...client, clientId: "own", redirectUris: ["http://127.0.0.1/callback"], consent: "never" },
      ],
    });
    await authority.ready();
    config = await discover("shop");
    await fetch(`${issuer}/auth/signup`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(USER),
    });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    for (const http of https) {
      http.close();
      http.closeAllConnections();
    }
    await authority.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    page = await (await browser.newContext()).newPage();
    complaints = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        complaints.push(message.text());
    });
  });
  afterEach(async () => {
    await page.context().close();
    if (complaints.length > 0) throw new Error(`the browser complained:\n${complaints.join("\n")}`);
  });

  async function discover(clientId: string): Promise<oidc.Configuration> {
    const execute = [oidc.allowInsecureRequests];
    return oidc.discovery(new URL(authority.issuer), clientId, undefined, oidc.None(), { execute });
  }

  async function begin(as = config, more: Record<string, string> = {}) {
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    const expectedState = oidc.randomState();
    const parameters = {
      redirect_uri: `${shop}/callback`,
      scope: "openid email orders:read",
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
      state: expectedState,
      ...more,
    };
    await page.goto(oidc.buildAuthorizationUrl(as, parameters).href);
    return { pkceCodeVerifier, expectedState, idTokenExpected: true };
  }

  async function signIn(password = USER.password): Promise<void> {
    await page.getByLabel("E-mail address").fill(USER.email);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  }

  const backAtShop = async (): Promise<URL> => {
    await page.waitForURL(`${shop}/**`);
    return new URL(page.url());
  };

  it("signs in, allows what it is asked, and the shop has tokens that the API takes", async () => {
    const checks = await begin();
    expect(await page.getByRole("heading").textContent()).toBe("Sign in to continue to <b>The Shop</b>");
    await signIn();
    await page.getByRole("heading", { name: "Let <b>The Shop</b> in?" }).waitFor();
    expect(await page.getByText(`You are signed in as ${USER.email}.`).isVisible()).toBe(true);
    expect(await page.getByRole("listitem").allTextContents()).toEqual([
      "know who you are (by an id, not by name)",
      "see your e-mail address",
      "orders:read",
    ]);
    await page.getByRole("button", { name: "Allow" }).click();
    const tokens = await oidc.authorizationCodeGrant(config, await backAtShop(), checks);
    const { sub = "" } = tokens.claims() ?? {};
    expect(await oidc.fetchUserInfo(config, tokens.access_token, sub)).toMatchObject({ email: USER.email });

    const verifier = createVerifier({ issuer: authority.issuer, audience: API });
    await verifier.ready();
    const orders = guard(verifier, requireScope("orders:read"), (_, auth) => Response.json({ for: auth.subject }));
    const headers = { Authorization: `Bearer ${tokens.access_token}` };
    expect(await (await orders(new Request(`${API}/orders`, { headers }))).json()).toEqual({ for: sub });
    verifier.close();
    await oidc.refreshTokenGrant(config, tokens.refresh_token ?? "");
  });

  it("leaves nothing behind: no cookie of a session, nothing stored, and only the shop's session", async () => {
    const checks = await begin();
    await signIn();
    await page.getByRole("button", { name: "Allow" }).click();
    await oidc.authorizationCodeGrant(config, await backAtShop(), checks);
    const cookies = await page.context().cookies();
    expect(cookies).toMatchObject([{ name: "latchkey-authorization", httpOnly: true, sameSite: "Lax" }]);
    await page.goto(`${authority.issuer}/oauth/interaction`);
    await page.getByText("This request is over").waitFor();
    expect(await page.evaluate(() => [JSON.stringify(localStorage), JSON.stringify(sessionStorage)])).toEqual([
      "{}",
      "{}",
    ]);
    const { entries } = { entries: await authority.audit.list({ types: ["session_revoked"] }) };
    expect(entries.some(({ event }) => "reason" in event && event.reason === "signed_out")).toBe(true);
  });

  it("tells the shop where the user denies it, signed in or not", async () => {
    await begin();
    await page.getByRole("button", { name: "Cancel" }).click();
    expect((await backAtShop()).searchParams.get("error")).toBe("access_denied");
    await begin();
    await signIn();
    await page.getByRole("button", { name: "Deny" }).click();
    expect((await backAtShop()).searchParams.get("error")).toBe("access_denied");
  });

  it("says what is wrong with a password, by an alert, and lets the user try again", async () => {
    await begin(config, { login_hint: USER.email });
    expect(await page.getByLabel("E-mail address").inputValue()).toBe(USER.email);
    await signIn("not the password");
    await page.getByRole("alert").filter({ hasText: "The e-mail address or the password is wrong." }).waitFor();
    await signIn();
    await page.getByRole("button", { name: "Allow" }).waitFor();
  });

  it("does not ask where it need not, but for the password", async () => {
    const own = await discover("own");
    const checks = await begin(own, { prompt: "login" });
    await signIn();
    const tokens = await oidc.authorizationCodeGrant(own, await backAtShop(), checks);
    expect(tokens.claims()?.aud).toBe("own");
  });

  it("asks where it need not when the client says so", async () => {
    await begin(await discover("own"), { prompt: "consent" });
    await signIn();
    await page.getByRole("button", { name: "Deny" }).click();
    expect((await backAtShop()).searchParams.get("error")).toBe("access_denied");
  });

  it("F-10: is not shown in a frame of another page", async () => {
    await page.goto(shop);
    await page.evaluate((url) => {
      const frame = document.createElement("iframe");
      frame.src = url;
      document.body.append(frame);
    }, `${authority.issuer}/oauth/interaction`);
    await expect.poll(() => complaints.splice(0).join("\n")).toContain("frame-ancestors 'none'");
  });

  it("F-05: goes on while a page of another site posts a request of its own in another tab", async () => {
    const checks = await begin();
    const other = await page.context().newPage();
    // Another site: the port makes none.
    await other.goto(shop.replace("127.0.0.1", "localhost"));
    const fields = {
      client_id: "shop",
      redirect_uri: `${shop}/callback`,
      response_type: "code",
      code_challenge: "x".repeat(43),
      code_challenge_method: "S256",
    };
    await other.evaluate(
      ({ url, sent }) => {
        const form = Object.assign(document.createElement("form"), { method: "post", action: url });
        for (const [name, value] of Object.entries(sent)) {
          form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
        }
        document.body.append(form);
        form.submit();
      },
      { url: `${authority.issuer}/oauth/authorize`, sent: fields },
    );
    await other.getByRole("heading", { name: "Sign in to continue" }).waitFor();

    await signIn();
    await page.getByRole("button", { name: "Allow" }).click();
    const tokens = await oidc.authorizationCodeGrant(config, await backAtShop(), checks);
    expect(tokens.claims()?.aud).toBe("shop");
  });

  it("can be used by keyboard and at night", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await begin();
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      const shots = process.env["LATCHKEY_SCREENSHOTS"];
      if (shots !== undefined) await page.screenshot({ path: join(shots, `sign-in-${colorScheme}.png`) });
      expect(await page.evaluate(() => document.activeElement?.id)).toBe("email");
      await page.keyboard.type(USER.email);
      await page.keyboard.press("Tab");
      await page.keyboard.type(USER.password);
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Allow" }).waitFor();
      if (shots !== undefined) await page.screenshot({ path: join(shots, `consent-${colorScheme}.png`) });
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Deny");
    }
  });
});
