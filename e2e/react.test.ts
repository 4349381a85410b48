import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { createAdaptorServer } from "@hono/node-server";
import { createAuthServer, createSqliteStore } from "@latchkey/server";
import type { Browser, Page } from "playwright-core";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isBrowserMissing, launchChromium } from "./chromium.ts";
import { bundleScripts } from "./bundle-scripts.ts";
import { App } from "./react-page/app.ts";

const USER = { email: "ada@example.com", password: "correct horse battery staple" };

/** What a server knows of a page's session by itself: nothing. */
const unknown = {
  subscribe: () => () => undefined,
  getState: () => ({ status: "signed-out" as const }),
};

describe.skipIf(isBrowserMissing)("useSession in a real browser", () => {
  let browser: Browser;
  let issuer: string;
  let close: () => Promise<void>;
  const complaints: string[] = [];

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), "latchkey-react-"));
    const scripts = await bundleScripts(fileURLToPath(new URL("react-page/page.ts", import.meta.url)));
    const html = `<!doctype html><title>React</title><div id="root">${renderToString(createElement(App, { client: unknown }))}</div><script type="module" src="/page.js"></script>`;
    const http = createAdaptorServer({
      fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/") return new Response(html, { headers: { "Content-Type": "text/html" } });
        const script = scripts.get(pathname);
        if (script !== undefined) return new Response(script, { headers: { "Content-Type": "text/javascript" } });
        return authority.fetch(request);
      },
    });
    await new Promise<void>((resolve) => http.listen(0, "localhost", resolve));
    issuer = `http://localhost:${(http.address() as AddressInfo).port}`;
    const authority = createAuthServer({
      issuer,
      store: createSqliteStore({ path: join(folder, "authority.db") }),
      masterSecret: randomBytes(32),
    });
    browser = await launchChromium();
    close = async () => {
      await browser.close();
      await new Promise((resolve) => http.close(resolve));
      await authority.close();
      rmSync(folder, { recursive: true });
    };
  });
  afterAll(() => close());

  const shows = async (page: Page, state: string): Promise<string | null> => {
    await page.waitForSelector(`#status[data-state="${state}"]`, { timeout: 20_000 });
    return page.textContent("#status");
  };

  it("takes over what the server rendered, and follows sign-in and sign-out in every tab", async () => {
    const context = await browser.newContext();
    context.on("console", (message) => {
      if (message.type() === "error" && !message.text().includes("Failed to load resource"))
        complaints.push(message.text());
    });
    const first = await context.newPage();
    const answer = await first.goto(issuer);
    expect(await answer?.text()).toContain('data-state="refreshing"');
    await shows(first, "signed-out");
    await first.evaluate(async (user) => {
      await window.client.signUp(user);
      await window.client.signIn(user);
    }, USER);
    expect(await shows(first, "fresh")).toBe(USER.email);

    const second = await context.newPage();
    await second.goto(issuer);
    expect(await shows(second, "fresh")).toBe(USER.email);
    await first.evaluate(() => window.client.signOut());
    expect(await shows(first, "signed-out")).toBe("nobody");
    expect(await shows(second, "signed-out")).toBe("nobody");
    await context.close();
    expect(complaints).toEqual([]);
  }, 60_000);
});
