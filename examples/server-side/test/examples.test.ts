import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { createExpressApp } from "../express.ts";
import { createHonoApp } from "../hono.ts";
import { createReactRouterHandler } from "../react-router.ts";
import type { Settings } from "../settings.ts";
import type { Browser } from "./browser.ts";
import { createBrowser } from "./browser.ts";
import type { World } from "./world.ts";
import { listen, openWorld, USER } from "./world.ts";

interface Page {
  readonly origin: string;
  readonly close: () => Promise<void>;
}

async function startExpress(settings: Omit<Settings, "pageOrigin">): Promise<Page> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  server.on("request", createExpressApp({ ...settings, pageOrigin: origin }));
  return {
    origin,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A handler that is told its own origin once it has a port. */
async function startFetch(
  settings: Omit<Settings, "pageOrigin">,
  create: (settings: Settings) => (request: Request) => Response | Promise<Response>,
): Promise<Page> {
  let handler: (request: Request) => Response | Promise<Response> = () => new Response(null, { status: 503 });
  const page = await listen((request) => handler(request));
  handler = create({ ...settings, pageOrigin: page.origin });
  return page;
}

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

describe.each([
  { name: "Express", path: "/", shows: ["user ", "two reports"], start: startExpress },
  {
    name: "Hono",
    path: "/api/user",
    shows: ["user "],
    start: (settings: Omit<Settings, "pageOrigin">) => startFetch(settings, (all) => createHonoApp(all).fetch),
  },
  {
    name: "React Router",
    path: "/",
    shows: ["user ", "two reports"],
    start: (settings: Omit<Settings, "pageOrigin">) => startFetch(settings, createReactRouterHandler),
  },
])("the example with $name", ({ path, shows, start }) => {
  let page: Page;
  let browser: Browser;
  beforeAll(async () => {
    page = await start(world);
  });
  afterAll(() => page.close());
  beforeEach(async () => {
    browser = createBrowser();
    const credentials = JSON.stringify({ ...USER, transport: "cookie" });
    const { status } = await browser.post(`${world.issuer}/auth/login`, credentials);
    if (status !== 200) throw new Error(`sign-in: ${status}`);
  });

  const open = (): Promise<Response> => browser.get(page.origin + path);

  async function expectPage(response: Response): Promise<void> {
    const text = await response.text();
    expect(shows.filter((part) => !text.includes(part))).toEqual([]);
    expect(response.status).toBe(200);
    expect(response.headers.get("Cache-Control")).toBe("private, no-store");
  }

  it("uses the token that the browser has, and refreshes nothing", async () => {
    const before = world.refreshes();
    await expectPage(await open());
    expect(world.refreshes()).toBe(before);
    expect(browser.redirects()).toBe(0);
    expect(world.seenByApi()?.get("Cookie")).toBeNull();
  });

  it("refreshes once for all that a page loads, and the next page not at all", async () => {
    browser.drop("latchkey-at");
    const before = world.refreshes();
    await expectPage(await open());
    expect(world.refreshes()).toBe(before + 1);
    expect(browser.redirects()).toBe(1);
    expect(browser.has("latchkey-at")).toBe(true);
    await expectPage(await open());
    expect(world.refreshes()).toBe(before + 1);
    expect(browser.redirects()).toBe(1);
  });

  it("keeps the session of a browser that opens five pages at once", async () => {
    browser.drop("latchkey-at");
    for (const response of await Promise.all([open(), open(), open(), open(), open()])) await expectPage(response);
    browser.drop("latchkey-at");
    await expectPage(await open());
  });

  it("keeps the session of a browser that never got the answer", async () => {
    browser.drop("latchkey-at");
    browser.loseAnswers(true);
    await open();
    // By the clock's next second, what is asked again is no retry but for its attempt key.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await open();
    browser.loseAnswers(false);
    await expectPage(await open());
    browser.drop("latchkey-at");
    await expectPage(await open());
  });

  it("catches a copy of the cookies: both are signed out", async () => {
    const thief = browser.copy();
    browser.drop("latchkey-at");
    thief.drop("latchkey-at");
    await expectPage(await open());
    expect(await (await thief.get(page.origin + path)).text()).not.toContain("user ");
    browser.drop("latchkey-at");
    expect(await (await open()).text()).not.toContain("user ");
  });

  it("shows nobody's data to nobody", async () => {
    const response = await createBrowser().get(page.origin + path);
    expect(await response.text()).not.toContain("user ");
  });
});

describe("the back-end for a front-end", () => {
  let page: Page;
  beforeAll(async () => {
    page = await startFetch(world, (all) => createHonoApp(all).fetch);
  });
  afterAll(() => page.close());

  const form = (): URLSearchParams => new URLSearchParams(USER);

  it("signs in and out with forms alone, and passes calls on without cookies (BR-06)", async () => {
    const browser = createBrowser();
    const signedIn = await browser.post(`${page.origin}/sign-in`, form());
    expect(await signedIn.text()).toContain("user ");
    expect(await (await browser.post(`${page.origin}/api/reports`, '"one more"')).text()).toBe('written: "one more"');
    expect(world.seenByApi()?.get("Cookie")).toBeNull();
    expect((await browser.get(`${page.origin}/api/admin`)).status).toBe(404);
    await browser.post(`${page.origin}/sign-out`, "");
    expect(["latchkey-rt", "latchkey-csrf", "latchkey-at"].some(browser.has)).toBe(false);
    expect(await (await browser.get(`${page.origin}/api/user`)).text()).not.toContain("user ");
  });

  it.each(["https://evil.example", "http://app.localhost:3000", "null"])(
    "refuses to sign in, out, or write for a page of %s (BR-02, E-12)",
    async (origin) => {
      const browser = createBrowser();
      expect((await browser.post(`${page.origin}/sign-in`, form(), origin)).status).toBe(403);
      await browser.post(`${page.origin}/sign-in`, form());
      for (const path of ["/api/reports", "/sign-out"]) {
        expect((await browser.post(page.origin + path, "", origin)).status).toBe(403);
      }
      expect((await browser.get(`${page.origin}/api/user`)).status).toBe(200);
    },
  );

  it("repeats a call that needs a new token, body and all", async () => {
    const browser = createBrowser();
    await browser.post(`${page.origin}/sign-in`, form());
    browser.drop("latchkey-at");
    const answer = await browser.post(`${page.origin}/api/reports`, '"one more"');
    expect(await answer.text()).toBe('written: "one more"');
  });
});
