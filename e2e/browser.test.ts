import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { isBrowserMissing, launchChromium } from "./chromium.ts";
import type { DemoProcess } from "./demo-process.ts";
import { startDemo } from "./demo-process.ts";

const PASSWORD = "correct horse battery staple";

// Where it is missing the tests are skipped by name; a CI without a browser must not look green.
describe.skipIf(isBrowserMissing)("the demo page in a real browser", () => {
  let demo: DemoProcess;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    demo = await startDemo();
    browser = await launchChromium("--disable-quic");
  });
  afterAll(async () => {
    await browser.close();
    await demo.stop();
  });
  beforeEach(async () => {
    context = await browser.newContext();
    complaints = [];
    context.on("weberror", (error) => complaints.push(error.error().message));
    context.on("console", (message) => {
      // The browser itself reports refused requests; what the page does about them is what the tests look at.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        complaints.push(message.text());
    });
    page = await context.newPage();
    await page.goto(demo.url);
  });
  afterEach(async () => {
    await context.close();
    if (complaints.length > 0) throw new Error(`the browser complained:\n${complaints.join("\n")}`);
  });

  let accounts = 0;
  async function signUp(
    options: { readonly brief?: boolean; readonly reports?: boolean; readonly unbound?: boolean } = {},
  ): Promise<string> {
    accounts += 1;
    const email = `user-${accounts}@example.com`;
    await page.fill('[name="email"]', email);
    await page.fill('[name="password"]', PASSWORD);
    if (options.brief === true) await page.check('[name="life"][value="brief"]');
    if (options.unbound === true) await page.check('[name="binding"][value="off"]');
    if (options.reports === true) await page.check('[name="reports"]');
    await page.click('[name="signup"]');
    await page.waitForSelector('#status[data-state="fresh"]');
    return email;
  }

  const text = async (id: string, on: Page = page): Promise<string> => (await on.textContent(`#${id}`)) ?? "";
  const generation = async (): Promise<number> => Number(await text("generation"));
  const stateIs = async (state: string, on: Page = page): Promise<void> => {
    await on.waitForSelector(`#status[data-state="${state}"]`, { timeout: 20_000 });
  };
  const apiAnswer = async (button: string): Promise<string> => {
    const before = await page.locator("#log li").count();
    await page.click(`[data-call="${button}"]`);
    await page.waitForFunction((entries) => document.querySelectorAll("#log li").length > entries, before);
    return text("api-answer");
  };

  it("signs up, calls the API, and is refused what its scope does not cover", async () => {
    const email = await signUp();
    expect(await text("user")).toBe(email);
    expect(await apiAnswer("me")).toContain("GET /api/me  →  200");
    expect(await apiAnswer("reports")).toContain(
      'WWW-Authenticate: DPoP error="insufficient_scope", scope="read:reports"',
    );
    for (const forgery of ["garbage", "unsigned", "tampered"]) {
      expect(await apiAnswer(forgery)).toContain('WWW-Authenticate: Bearer error="invalid_token"');
    }
    expect(await apiAnswer("copied")).toContain('WWW-Authenticate: DPoP error="invalid_token"');
    expect(await apiAnswer("none")).toContain("WWW-Authenticate: Bearer, DPoP algs=");
  });

  it("is let in where its scope covers it", async () => {
    await signUp({ reports: true });
    expect(await apiAnswer("reports")).toContain("200");
  });

  it("BR-05: no script finds a token in any storage, and the refresh token in no cookie it can read", async () => {
    await signUp();
    const reachable = await page.evaluate(async () => ({
      cookies: document.cookie,
      local: JSON.stringify(localStorage),
      session: JSON.stringify(sessionStorage),
      databases: (await indexedDB.databases()).map(({ name }) => name),
      caches: (await caches.keys()).length,
    }));
    expect(reachable).toMatchObject({ local: "{}", session: "{}", databases: [`latchkey ${demo.url}`], caches: 0 });
    expect(reachable.cookies).toContain("latchkey-csrf=0.");
    expect(reachable.cookies).not.toMatch(/latchkey-rt|eyJ/);
    const refresh = (await context.cookies(`${demo.url}/auth`)).find((cookie) => cookie.name === "latchkey-rt");
    expect(refresh).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/auth" });
  });

  it("stays signed in across a reload", async () => {
    const email = await signUp();
    await page.reload();
    await stateIs("fresh");
    expect(await text("user")).toBe(email);
    expect(await generation()).toBe(1);
  });

  it("refreshes silently before the access token expires", async () => {
    await signUp({ brief: true });
    await expect.poll(generation, { timeout: 40_000 }).toBeGreaterThanOrEqual(2);
    expect(await apiAnswer("me")).toContain("200");
  }, 60_000);

  it("a second tab is signed in without a password, and signing out there signs out here", async () => {
    const email = await signUp();
    const second = await context.newPage();
    await second.goto(demo.url);
    await stateIs("fresh", second);
    expect(await text("user", second)).toBe(email);
    await second.click("#signout");
    await stateIs("signed-out", second);
    await stateIs("signed-out");
    await page.reload();
    await stateIs("signed-out");
  });

  it("ten tabs that reload at once stay signed in", async () => {
    await signUp();
    const tabs = await Promise.all(Array.from({ length: 9 }, async () => context.newPage()));
    await Promise.all(tabs.map(async (tab) => tab.goto(demo.url)));
    for (let round = 0; round < 3; round++) await Promise.all([page, ...tabs].map(async (tab) => tab.reload()));
    for (const tab of [page, ...tabs]) {
      await stateIs("fresh", tab);
      expect(await text("status", tab)).toBe("signed in");
    }
  }, 60_000);

  it("a lost answer signs nobody out", async () => {
    await signUp();
    let lost = 0;
    await page.route("**/auth/refresh", async (route) => {
      lost += 1;
      if (lost > 2) return route.continue();
      // The authority gets the request and answers; the answer, with its cookies, never reaches the browser.
      const request = route.request();
      const answer = await fetch(request.url(), { method: "POST", headers: await request.allHeaders() });
      expect(answer.status).toBe(200);
      return route.abort();
    });
    await page.click("#refresh");
    await expect.poll(generation, { timeout: 30_000 }).toBe(1);
    await stateIs("fresh");
    expect(lost).toBeGreaterThan(2);
  }, 60_000);

  it("shows the key that the session is bound to, and how many tabs share it", async () => {
    await signUp();
    expect(await text("binding")).toBe("bound to this key");
    const second = await context.newPage();
    await second.goto(demo.url);
    await stateIs("fresh", second);
    await expect.poll(async () => text("tabs"), { timeout: 10_000 }).toContain("2, sharing one session");
    expect(await text("key")).toMatch(/^[\w-]{43}$/);
    expect(await text("key", second)).toBe(await text("key"));
  });

  it("G-04: a stolen session that is bound is of no use to the thief, and goes on for its owner", async () => {
    await signUp();
    await page.click("#steal");
    await page.click("#thief-refresh:enabled");
    await expect
      .poll(async () => text("theft-story"), { timeout: 10_000 })
      .toContain("Refused: without your key the copy is worth nothing");
    expect(await generation()).toBe(1);
    const story = await text("log");
    expect(story).toContain("with the copied cookies: 400 invalid_dpop_proof");
    expect(story).toContain("a key of its own: 401 session_ended");
    expect(await apiAnswer("me")).toContain("GET /api/me  →  200");
  });

  it("a stolen session that is unbound is caught when the thief is first", async () => {
    await signUp({ unbound: true });
    await page.click("#steal");
    await page.click("#thief-refresh:enabled");
    await stateIs("ended");
    await expect.poll(async () => text("log"), { timeout: 10_000 }).toContain("the thief tries once more: 401");
    expect(await text("theft-story")).toContain("Caught");
  });

  it("a stolen session that is unbound is caught when the thief is second", async () => {
    await signUp({ unbound: true });
    await page.click("#steal");
    await page.waitForSelector("#thief-refresh:enabled");
    await page.click("#refresh");
    await expect.poll(generation, { timeout: 30_000 }).toBe(1);
    await page.click("#thief-refresh");
    await stateIs("ended");
    await expect
      .poll(async () => text("theft-story"), { timeout: 10_000 })
      .toContain("Caught: the copy had been used already");
    await page.reload();
    await stateIs("signed-out");
  });
});
