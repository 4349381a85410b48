import * as dpop from "dpop";
import { decodeJwt } from "jose";
import type { Browser, BrowserContext, Page, Request } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { isBrowserMissing, launchChromium } from "./chromium.ts";
import type { Site } from "./bound-page/site.ts";
import { openSite } from "./bound-page/site.ts";

const PASSWORD = "correct horse battery staple";

describe.skipIf(isBrowserMissing)("bound sessions in a real browser", () => {
  let browser: Browser;
  let site: Site;
  let strict: Site;
  let contexts: BrowserContext[] = [];
  let users = 0;

  beforeAll(async () => {
    [site, strict] = await Promise.all([openSite(), openSite({ nonce: "required" })]);
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all([site.close(), strict.close()]);
  });
  afterEach(async () => {
    await Promise.all(contexts.map((context) => context.close()));
    contexts = [];
  });

  async function openContext(): Promise<BrowserContext> {
    const context = await browser.newContext();
    contexts.push(context);
    return context;
  }

  async function openPage(context: BrowserContext, url = site.page()): Promise<Page> {
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForFunction(() => "latchkey" in window);
    return page;
  }

  function newUser(): { readonly email: string; readonly password: string } {
    users += 1;
    return { email: `user-${users}@example.com`, password: PASSWORD };
  }

  async function signUp(page: Page): Promise<{ readonly email: string; readonly password: string }> {
    const user = newUser();
    await page.evaluate(async (credentials) => {
      await window.latchkey.signUp(credentials);
      await window.latchkey.signIn(credentials);
    }, user);
    return user;
  }

  const refresh = (page: Page) => page.evaluate(() => window.latchkey.refresh());
  const session = (page: Page) => page.evaluate(() => window.latchkey.getSession());
  const accessToken = (page: Page) => page.evaluate(() => window.latchkey.getAccessToken());
  const callApi = (page: Page, api = site.api) =>
    page.evaluate(async (url) => {
      const answer = await window.latchkey.fetch(url, { method: "POST", body: "something" });
      return { status: answer.status, challenge: answer.headers.get("WWW-Authenticate") };
    }, `${api}/who`);
  const stateIs = (page: Page, status: string) =>
    page.waitForFunction((wanted) => window.latchkey.getState().status === wanted, status, { timeout: 20_000 });
  const deleteKey = (page: Page) =>
    page.evaluate(
      () =>
        new Promise<void>((resolve, reject) => {
          const deleting = indexedDB.deleteDatabase(`latchkey ${location.origin}`);
          deleting.addEventListener("success", () => resolve());
          deleting.addEventListener("error", () => reject(new Error("not deleted")));
        }),
    );
  const boundKey = async (page: Page) =>
    ((decodeJwt(await accessToken(page))["cnf"] ?? {}) as { readonly jkt?: string }).jkt;

  /** The refreshes that the page sends from now on. */
  function watchRefreshes(page: Page): Request[] {
    const seen: Request[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/auth/refresh") && request.method() === "POST") seen.push(request);
    });
    return seen;
  }

  it("a sign-in is bound without a word, its refreshes and API calls carry proofs, and a reload goes on", async () => {
    const page = await openPage(await openContext());
    await signUp(page);
    expect(await session(page)).toMatchObject({ bound: true, generation: 0 });
    expect(await boundKey(page)).toMatch(/^[\w-]{43}$/);
    expect(await callApi(page)).toMatchObject({ status: 200 });
    expect(await refresh(page)).toMatchObject({ status: "fresh", session: { bound: true, generation: 1 } });
    await page.reload();
    await page.evaluate(() => window.latchkey.start());
    expect(await session(page)).toMatchObject({ bound: true, generation: 2 });
    expect(await callApi(page)).toMatchObject({ status: 200 });
  });

  it("BR-05: what is stored is one key that no script can export", async () => {
    const page = await openPage(await openContext());
    await signUp(page);
    const found = await page.evaluate(async () => {
      const names = (await indexedDB.databases()).map(({ name }) => name ?? "");
      const database = await new Promise<IDBDatabase>((resolve) => {
        const opening = indexedDB.open(names[0] ?? "");
        opening.addEventListener("success", () => resolve(opening.result));
      });
      const all = await new Promise<CryptoKeyPair[]>((resolve) => {
        const reading = database.transaction("keys").objectStore("keys").getAll();
        reading.addEventListener("success", () => resolve(reading.result as CryptoKeyPair[]));
      });
      const { privateKey } = all[0] ?? {};
      if (privateKey === undefined) throw new Error("There is no key.");
      const exported = await Promise.all(
        (["jwk", "pkcs8", "raw"] as const).map((format) =>
          crypto.subtle.exportKey(format, privateKey).then(
            () => true,
            () => false,
          ),
        ),
      );
      return { names, count: all.length, algorithm: privateKey.algorithm, exported };
    });
    expect(found).toEqual({
      names: [`latchkey ${site.issuer}`],
      count: 1,
      algorithm: { name: "ECDSA", namedCurve: "P-256" },
      exported: [false, false, false],
    });
  });

  it("G-04 DP-05: a copied cookie jar is of no use in another browser, by curl, or with a key of the thief's", async () => {
    const context = await openContext();
    const page = await openPage(context);
    await signUp(page);
    const token = await accessToken(page);
    const jar = await context.cookies(`${site.issuer}/auth`);

    const elsewhere = await openContext();
    await elsewhere.addCookies(jar);
    const copy = await openPage(elsewhere);
    expect(await copy.evaluate(() => window.latchkey.start())).toEqual({ status: "ended", reason: "key_lost" });

    const csrf = jar.find(({ name }) => name === "latchkey-csrf")?.value ?? "";
    const url = `${site.issuer}/auth/refresh`;
    const headers = {
      Cookie: jar.map(({ name, value }) => `${name}=${value}`).join("; "),
      Origin: site.issuer,
      "X-CSRF-Token": csrf,
    };
    const bare = await fetch(url, { method: "POST", headers });
    expect([bare.status, await bare.json()]).toMatchObject([400, { error: "invalid_dpop_proof" }]);
    const before = site.warnings.length;
    const key = await dpop.generateKeyPair("ES256");
    const forged = { ...headers, DPoP: await dpop.generateProof(key, url, "POST") };
    const answer = await fetch(url, { method: "POST", headers: forged });
    expect([answer.status, await answer.json()]).toMatchObject([401, { error: "session_ended" }]);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(site.warnings.slice(before)).toEqual([expect.stringContaining("another key than its session's")]);

    const bearer = await fetch(`${site.api}/who`, { headers: { Authorization: `Bearer ${token}` } });
    const proofless = await fetch(`${site.api}/who`, { headers: { Authorization: `DPoP ${token}` } });
    expect([bearer.status, proofless.status]).toEqual([401, 401]);

    // Whoever the copy belongs to goes on as if nothing had happened.
    expect(await refresh(page)).toMatchObject({ status: "fresh", session: { generation: 1 } });
    expect(await callApi(page)).toMatchObject({ status: 200 });
  });

  it("binding off: bearer tokens, and a session that was bound before goes on with its proofs", async () => {
    const context = await openContext();
    const page = await openPage(context, site.page({ binding: "off" }));
    await signUp(page);
    expect(await session(page)).toMatchObject({ bound: false });
    expect(await page.evaluate(() => window.latchkey.unbound.reason)).toBe("off");
    expect(await refresh(page)).toMatchObject({ status: "fresh", session: { bound: false } });
    expect(await callApi(page)).toMatchObject({ status: 200 });

    const other = await openContext();
    await signUp(await openPage(other));
    const off = await openPage(other, site.page({ binding: "off" }));
    await off.evaluate(() => window.latchkey.start());
    expect(await refresh(off)).toMatchObject({ status: "fresh", session: { bound: true } });
    expect(await callApi(off)).toMatchObject({ status: 200 });
  });

  it("a session begun unbound stays so until the next sign-in", async () => {
    const context = await openContext();
    const user = await signUp(await openPage(context, site.page({ binding: "off" })));
    const page = await openPage(context);
    await page.evaluate(() => window.latchkey.start());
    expect(await refresh(page)).toMatchObject({ session: { bound: false } });
    expect(await page.evaluate(() => window.latchkey.unbound.reason)).toBe("begun_unbound");
    await page.evaluate((credentials) => window.latchkey.signIn(credentials), user);
    expect(await refresh(page)).toMatchObject({ status: "fresh", session: { bound: true } });
  });

  it("the key stays for the next sign-in, whoever signs in", async () => {
    const page = await openPage(await openContext());
    await signUp(page);
    const first = await boundKey(page);
    await page.evaluate(() => window.latchkey.signOut());
    await signUp(page);
    expect(await boundKey(page)).toBe(first);
  });

  it("two tabs: what one fetched serves in the other, by the one key", async () => {
    const context = await openContext();
    const first = await openPage(context);
    await signUp(first);
    const second = await openPage(context);
    await second.evaluate(() => window.latchkey.start());
    expect(await accessToken(second)).toBe(await accessToken(first));
    expect(await callApi(second)).toMatchObject({ status: 200 });
    await refresh(second);
    for (const page of [first, second]) expect(await callApi(page)).toMatchObject({ status: 200 });
    await second.evaluate(() => window.latchkey.signOut());
    await stateIs(first, "signed-out");
  });

  it("ten tabs that make the key at one moment have one, and stay signed in through reloads", async () => {
    const context = await openContext();
    const tabs = await Promise.all(Array.from({ length: 10 }, () => openPage(context)));
    const user = newUser();
    await tabs[0]?.evaluate((credentials) => window.latchkey.signUp(credentials), user);
    await Promise.all(
      tabs.map((tab) =>
        tab.evaluate((credentials) => window.latchkey.signIn(credentials).catch(() => undefined), user),
      ),
    );
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        tabs.map(async (tab) => {
          await tab.reload();
          await tab.evaluate(() => window.latchkey.start());
        }),
      );
    }
    const keys = await Promise.all(tabs.map((tab) => boundKey(tab)));
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toBeDefined();
    const answers = await Promise.all(tabs.map((tab) => callApi(tab)));
    expect(answers.map(({ status }) => status)).toEqual(tabs.map(() => 200));
    await Promise.all(tabs.map(refresh));
    for (const tab of tabs) await stateIs(tab, "fresh");
  }, 90_000);

  it("tabs that make the key at one moment, with nothing to keep them apart, make one", async () => {
    const context = await openContext();
    await context.addInitScript(() => Object.defineProperty(navigator, "locks", { value: undefined }));
    const tabs = await Promise.all(Array.from({ length: 6 }, () => openPage(context)));
    const user = newUser();
    await tabs[0]?.evaluate((credentials) => window.latchkey.signUp(credentials), user);
    const granted: string[] = [];
    context.on("response", async (response) => {
      if (!response.url().endsWith("/auth/login") || response.status() !== 200) return;
      granted.push(((await response.json()) as { access_token: string }).access_token);
    });
    await Promise.all(
      tabs.map((tab) =>
        tab.evaluate(async (credentials) => {
          await window.latchkey.signIn(credentials).catch(() => undefined);
        }, user),
      ),
    );
    await expect.poll(() => granted.length, { timeout: 10_000 }).toBe(tabs.length);
    const keys = granted.map((token) => (decodeJwt(token)["cnf"] as { readonly jkt: string }).jkt);
    expect(new Set(keys).size).toBe(1);
    expect(await tabs[0]?.evaluate(() => window.latchkey.refresh())).toMatchObject({ status: "fresh" });
  }, 60_000);

  it("lost answers sign nobody out: each try has a proof of its own, and the attempt key stays", async () => {
    const page = await openPage(await openContext());
    await signUp(page);
    const sent: Record<string, string>[] = [];
    await page.route("**/auth/refresh", async (route) => {
      const headers = await route.request().allHeaders();
      sent.push(headers);
      if (sent.length > 2) return route.continue();
      // The authority gets the request and answers; the answer, with its cookies, never reaches the browser.
      expect((await fetch(route.request().url(), { method: "POST", headers })).status).toBe(200);
      return route.abort();
    });
    await page.evaluate(() => void window.latchkey.refresh());
    await page.waitForFunction(() => window.latchkey.getSession()?.generation === 1, undefined, { timeout: 20_000 });
    expect(sent).toHaveLength(3);
    const jtis = sent.map((headers) => decodeJwt(headers["dpop"] ?? "").jti);
    expect(new Set(jtis).size).toBe(3);
    const attempts = sent.map((headers) => /latchkey-attempt=([^;]+)/.exec(headers["cookie"] ?? "")?.[1]);
    expect(new Set(attempts).size).toBe(1);
    expect(attempts[0]).toMatch(/^gen-0-/);
    expect(await callApi(page)).toMatchObject({ status: 200 });
  }, 60_000);

  it("G-05: an authority and an API that demand nonces are served with theirs, and a password is sent to be checked once", async () => {
    const page = await openPage(await openContext(), strict.page());
    const user = await signUp(page);
    expect(await session(page)).toMatchObject({ bound: true });
    expect(await callApi(page, strict.api)).toMatchObject({ status: 200 });
    // From here on each request is made with the nonce at hand.
    const refreshes = watchRefreshes(page);
    expect(await refresh(page)).toMatchObject({ status: "fresh", session: { bound: true, generation: 1 } });
    expect(await callApi(page, strict.api)).toMatchObject({ status: 200 });
    expect(refreshes).toHaveLength(1);

    let checked = 0;
    page.on("response", (response) => {
      if (response.url().endsWith("/auth/login") && response.status() === 401) checked += 1;
    });
    const code = await page.evaluate(
      ({ email }) =>
        window.latchkey
          .signIn({ email, password: "not the right password" })
          .catch((error: unknown) => (error as { code: string }).code),
      user,
    );
    expect([code, checked]).toEqual(["invalid_credentials", 1]);

    await page.reload();
    await page.evaluate(() => window.latchkey.start());
    expect(await callApi(page, strict.api)).toMatchObject({ status: 200 });
  });

  it("G-06: a clock that is an hour wrong is made up for, at the authority and at the API", async () => {
    for (const minutes of [-60, 60]) {
      const context = await openContext();
      await context.addInitScript((offset) => {
        const now = Date.now;
        Date.now = () => now() + offset;
      }, minutes * 60_000);
      const page = await openPage(context);
      await signUp(page);
      expect(await session(page)).toMatchObject({ bound: true });
      expect(await callApi(page)).toMatchObject({ status: 200 });
      expect(await refresh(page)).toMatchObject({ status: "fresh", session: { bound: true } });
    }
  });

  it.each([
    ["is missing", () => Object.defineProperty(window, "indexedDB", { value: undefined })],
    [
      "refuses",
      () => {
        IDBFactory.prototype.open = () => {
          throw new DOMException("denied", "SecurityError");
        };
      },
    ],
    ["hangs", () => (IDBFactory.prototype.open = () => document.createElement("p") as unknown as IDBOpenDBRequest)],
  ])("where IndexedDB %s, sessions are unbound, say so, and work", async (_, damage) => {
    const context = await openContext();
    await context.addInitScript(damage);
    const page = await openPage(context);
    await signUp(page);
    expect(await session(page)).toMatchObject({ bound: false });
    expect(await page.evaluate(() => window.latchkey.unbound.reason)).toBe("no_key_storage");
    expect(await callApi(page)).toMatchObject({ status: 200 });
    expect(await refresh(page)).toMatchObject({ status: "fresh", session: { bound: false, generation: 1 } });
  });

  it("a key that cannot be read just now ends nothing: the session waits for it", async () => {
    const page = await openPage(await openContext());
    await signUp(page);
    // Before the page's own scripts, which may have read the key by the time that anybody else gets a word in.
    await page.addInitScript(() => {
      const open = (): never => {
        throw new DOMException("busy", "UnknownError");
      };
      Object.defineProperty(indexedDB, "open", { value: open, configurable: true });
      window.addEventListener("mended", () => Reflect.deleteProperty(indexedDB, "open"));
    });
    await page.reload();
    const state = await page.evaluate(() => window.latchkey.start());
    expect(state).toMatchObject({ status: "offline", cause: "invalid_dpop_proof" });
    await page.evaluate(() => window.dispatchEvent(new Event("mended")));
    await stateIs(page, "fresh");
    expect(await session(page)).toMatchObject({ bound: true });
  });

  it("a lost key ends the session in every tab, with its reason and without a loop; the next sign-in makes a new one", async () => {
    const context = await openContext();
    const [page, other] = [await openPage(context), await openPage(context)];
    const user = await signUp(page);
    await stateIs(other, "fresh");
    const first = await boundKey(page);
    const refreshes = [page, other].map(watchRefreshes);
    const before = site.warnings.length;
    await deleteKey(other);
    expect(await refresh(page)).toEqual({ status: "ended", reason: "key_lost" });
    await stateIs(other, "ended");
    expect(await other.evaluate(() => window.latchkey.getState())).toEqual({ status: "ended", reason: "key_lost" });
    await page.waitForTimeout(3_000);
    expect(refreshes.flat()).toHaveLength(1);
    // Nobody stole anything.
    expect(site.warnings.slice(before)).toEqual([]);
    await page.reload();
    expect(await page.evaluate(() => window.latchkey.start())).toEqual({ status: "signed-out" });

    await page.evaluate((credentials) => window.latchkey.signIn(credentials), user);
    expect(await session(page)).toMatchObject({ bound: true });
    expect(await boundKey(page)).not.toBe(first);
    // The tab that knew the old key goes on with the new one.
    await stateIs(other, "fresh");
    for (const tab of [page, other]) expect(await callApi(tab)).toMatchObject({ status: 200 });
  });

  it("an API call that finds the key gone is not sent, and ends the session at once", async () => {
    const page = await openPage(await openContext());
    await signUp(page);
    await deleteKey(page);
    expect(await callApi(page)).toMatchObject({ status: 401 });
    expect(await page.evaluate(() => window.latchkey.getState())).toEqual({ status: "ended", reason: "key_lost" });
  });

  it("what a proof costs a page: a few milliseconds before a request leaves it", async () => {
    const bound = await openPage(await openContext());
    const unbound = await openPage(await openContext(), site.page({ binding: "off" }));
    const pages = [bound, unbound];
    for (const page of pages) await signUp(page);
    const spent: number[][][] = [[], []];
    for (let round = 0; round < 6; round++) {
      for (const [index, page] of pages.entries()) {
        await page.bringToFront();
        spent[index]?.push(await page.evaluate(measureRound, site.api));
      }
    }
    const [withProof = [], without = []] = spent.map((rounds) =>
      [0, 1, 2].map((column) => medianOf(rounds.slice(1).map((round) => round[column] ?? Number.NaN))),
    );
    process.stdout.write(
      `until an API call leaves the page: ${without[0]?.toFixed(2)} ms, with a proof ${withProof[0]?.toFixed(2)} ms (the slowest twentieth: ${withProof[1]?.toFixed(2)} ms)\n` +
        `a refresh, asked and answered: ${without[2]?.toFixed(1)} ms, with a proof ${withProof[2]?.toFixed(1)} ms\n`,
    );
    expect(withProof[0]).toBeLessThan(50);
    expect(withProof[0]).toBeGreaterThan(without[0] ?? 0);
  }, 120_000);
});

/** Runs in the page: half and 95th percentile of the time until an API call leaves, and half of refreshes whole, in ms. */
async function measureRound(api: string): Promise<number[]> {
  const send = window.fetch;
  const left: number[] = [];
  for (let call = 0; call < 50; call++) {
    const start = performance.now();
    window.fetch = async () => {
      left.push(performance.now() - start);
      return new Response();
    };
    await window.latchkey.fetch(`${api}/who`);
  }
  window.fetch = send;
  const refreshed: number[] = [];
  for (let call = 0; call < 8; call++) {
    const start = performance.now();
    await window.latchkey.refresh();
    refreshed.push(performance.now() - start);
  }
  const at = (values: number[], share: number): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
  return [at(left, 0.5), at(left, 0.95), at(refreshed, 0.5)];
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
