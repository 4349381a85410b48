import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { TestAuthority } from "./world/authority.ts";
import { ISSUER, openAuthority, USER } from "./world/authority.ts";
import type { Tab, TestBrowser } from "./world/browser.ts";
import { createBrowser } from "./world/browser.ts";
import type { Passage } from "./world/network.ts";
import { settle } from "./world/virtual-time.ts";

let authority: TestAuthority;

beforeAll(async () => {
  authority = await openAuthority();
});
afterAll(() => authority.close());

/** One thing that happens. Numbers pick among the tabs or requests there are. */
type Step =
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "deliver" | "answer" | "fail" | "duplicate" | "forge"; readonly nth: number; readonly how: number }
  | { readonly do: "refresh" | "getToken" | "wake" | "freeze" | "thaw" | "close" | "signOut"; readonly nth: number }
  | { readonly do: "open" };

const nth = fc.nat(9);
const passStep = fc.record({
  do: fc.constant("pass" as const),
  ms: fc.constantFrom(10, 60, 90, 90, 1_000, 16_000, 450_000),
});
const networkStep = fc.record({
  do: fc.constantFrom("deliver" as const, "answer" as const, "fail" as const, "duplicate" as const, "forge" as const),
  nth,
  how: fc.nat(5),
});
const tabStep = fc.record({
  do: fc.constantFrom(
    "refresh" as const,
    "getToken" as const,
    "wake" as const,
    "freeze" as const,
    "thaw" as const,
    "close" as const,
  ),
  nth,
});
const openStep = fc.constant({ do: "open" as const });
const signOutStep = fc.record({ do: fc.constant("signOut" as const), nth });

/** Answers of anybody but the authority, or of one in trouble. None of them ends a session. */
const STRANGE: readonly (() => Response)[] = [
  () => new Response("bad gateway", { status: 502 }),
  () => new Response("<html>Log in to the Wi-Fi</html>", { status: 200 }),
  () => Response.json({ error: "unavailable" }, { status: 503, headers: { "Retry-After": "7" } }),
  () => Response.json({ error: "rate_limited" }, { status: 429, headers: { "Retry-After": "20" } }),
  () => new Response(null, { status: 401 }),
  () => Response.json({ error: "superseded" }, { status: 409 }),
];

async function begin(locks: boolean): Promise<TestBrowser> {
  const browser = createBrowser({
    issuer: ISSUER,
    server: (request) => authority.server.fetch(request),
    ...(locks && { locks: navigator.locks }),
  });
  const tab = browser.openTab();
  // Under load the authority may have no room for another password at once, and says so.
  for (let tries = 0; tab.client.getSession() === undefined; tries++) {
    const [[signedIn]] = await Promise.all([Promise.allSettled([tab.client.signIn(USER)]), browser.runSmoothly(100)]);
    if (signedIn.status === "rejected" && tries === 20) throw signedIn.reason;
  }
  return browser;
}

async function take(browser: TestBrowser, step: Step): Promise<void> {
  switch (step.do) {
    case "pass":
      await browser.time.pass(step.ms);
      break;
    case "open":
      if (browser.tabs.length < 4) void browser.openTab().client.start();
      break;
    case "duplicate":
      // A network may carry a request again; what it answers then reaches nobody. How late is bounded, by the protocol.
      await pick(browser.network.passages.filter(isRefresh).slice(-4), step.nth)?.deliver();
      break;
    case "deliver":
    case "answer":
    case "fail":
    case "forge": {
      const open = browser.network.open();
      const passage = pick(open, step.nth);
      if (step.do === "deliver") await passage?.deliver();
      else if (step.do === "fail") passage?.fail();
      else {
        const refused = step.do === "forge" ? pick(open.filter(isRefresh), step.nth) : undefined;
        refused?.forge((STRANGE[step.how] ?? noSuchAnswer)());
        (refused ?? passage)?.answer();
      }
      break;
    }
    case "refresh":
    case "getToken":
    case "wake":
    case "freeze":
    case "thaw":
    case "close":
    case "signOut":
      takeInTab(browser, step.do, pick(browser.tabs, step.nth));
      break;
  }
  await settle();
}

function takeInTab(browser: TestBrowser, what: Step["do"], tab: Tab | undefined): void {
  if (tab === undefined) return;
  if (what === "refresh") void tab.client.refresh();
  if (what === "getToken") void tab.client.getAccessToken().catch(() => undefined);
  if (what === "wake") tab.wake();
  if (what === "freeze") tab.freeze();
  if (what === "thaw") tab.thaw();
  if (what === "close" && browser.tabs.length > 1) browser.closeTab(tab);
  if (what === "signOut") void tab.client.signOut();
}

function pick<T>(items: readonly T[], nth: number): T | undefined {
  return items[nth % Math.max(1, items.length)];
}

function noSuchAnswer(): never {
  throw new Error("there is no such answer");
}

const isRefresh = ({ path }: Passage): boolean => path === "/auth/refresh";

/** At most one request of a tab under way that may still be answered. */
function expectOneAttemptPerTab(browser: TestBrowser): void {
  const open = browser.network.open().filter(isRefresh);
  expect(new Set(open.map(({ tab }) => tab)).size).toBe(open.length);
}

const endings = (browser: TestBrowser): readonly string[] =>
  browser.tabs
    .flatMap(({ events }) => events.map(({ type }) => type))
    .filter((type) => type === "session-ended" || type === "signed-out");

for (const locks of [true, false]) {
  const where = locks ? "with Web Locks" : "without Web Locks";

  test(`whatever networks and tabs do, nobody is signed out (${where})`, async () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 3, arbitrary: passStep },
        { weight: 6, arbitrary: networkStep },
        { weight: 3, arbitrary: tabStep },
        openStep,
      ),
      { minLength: 5, maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        const browser = await begin(locks);
        for (const step of steps) {
          await take(browser, step);
          expectOneAttemptPerTab(browser);
        }
        for (const tab of browser.tabs) tab.thaw();
        await browser.runSmoothly(200_000);
        expect(endings(browser)).toEqual([]);
        for (const tab of browser.tabs) {
          expect(tab.client.getState()).toMatchObject({ status: "fresh" });
          expect(await tab.client.getAccessToken()).toMatch(/^ey/);
        }
        browser.close();
      }),
      { numRuns: 100, interruptAfterTimeLimit: 20_000 },
    );
  });

  test(`after a sign-out no tab has a token, whatever comes late (${where})`, async () => {
    const some = fc.array(
      fc.oneof(
        { weight: 3, arbitrary: passStep },
        { weight: 6, arbitrary: networkStep },
        { weight: 3, arbitrary: tabStep },
        openStep,
      ),
      { maxLength: 25 },
    );
    await fc.assert(
      fc.asyncProperty(some, signOutStep, some, async (before, signOut, after) => {
        const browser = await begin(locks);
        for (const step of before) await take(browser, step);
        await take(browser, signOut);
        for (const step of after) await take(browser, step);
        for (const tab of browser.tabs) {
          const outcome = await Promise.race([
            tab.client.getAccessToken().catch(() => "none"),
            settle().then(() => "none"),
          ]);
          expect(outcome).toBe("none");
        }
        for (const tab of browser.tabs) tab.thaw();
        await browser.runSmoothly(200_000);
        for (const tab of browser.tabs) {
          expect(["signed-out", "ended"]).toContain(tab.client.getState().status);
        }
        browser.close();
      }),
      { numRuns: 100, interruptAfterTimeLimit: 20_000 },
    );
  });
}
