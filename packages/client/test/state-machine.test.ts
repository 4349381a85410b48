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
  ms: fc.constantFrom(10, 60, 90, 1_000, 16_000, 450_000),
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

interface Run {
  readonly browser: TestBrowser;
  readonly log: string[];
  signedOut: boolean;
}

async function begin(locks: boolean): Promise<Run> {
  const browser = createBrowser({
    issuer: ISSUER,
    server: (request) => authority.server.fetch(request),
    ...(locks && { locks: navigator.locks }),
  });
  const signingIn = browser.openTab().client.signIn(USER);
  await browser.runSmoothly(100);
  await signingIn;
  return { browser, log: [], signedOut: false };
}

async function take(run: Run, step: Step): Promise<void> {
  const { browser } = run;
  switch (step.do) {
    case "pass":
      await browser.time.pass(step.ms);
      break;
    case "open":
      if (browser.tabs.length < 4) void browser.openTab().client.start();
      break;
    case "duplicate":
      // A network may carry a request again; what it answers then reaches nobody. How late is bounded, by the protocol.
      await pick(refreshesOf(browser).slice(-4), step.nth)?.deliver();
      break;
    case "deliver":
    case "answer":
    case "fail":
    case "forge": {
      const passage = pick(browser.network.open(), step.nth);
      if (step.do === "deliver") await passage?.deliver();
      else if (step.do === "fail") passage?.fail();
      else {
        if (step.do === "forge" && passage?.path === "/auth/refresh") passage.forge((STRANGE[step.how] ?? fail)());
        passage?.answer();
      }
      break;
    }
    default:
      takeInTab(run, step.do, pick(browser.tabs, step.nth));
  }
  await settle();
}

function takeInTab(run: Run, what: string, tab: Tab | undefined): void {
  if (tab === undefined) return;
  if (what === "refresh") void tab.client.refresh();
  if (what === "getToken") void tab.client.getAccessToken().catch(() => undefined);
  if (what === "wake") tab.wake();
  if (what === "freeze") tab.freeze();
  if (what === "thaw") tab.thaw();
  if (what === "close" && run.browser.tabs.length > 1) run.browser.closeTab(tab);
  if (what === "signOut") {
    run.signedOut = true;
    void tab.client.signOut();
  }
}

function pick<T>(items: readonly T[], nth: number): T | undefined {
  return items[nth % Math.max(1, items.length)];
}

function fail(): never {
  throw new Error("there is no such answer");
}

function refreshesOf(browser: TestBrowser): readonly Passage[] {
  return browser.network.passages.filter(({ path }) => path === "/auth/refresh");
}

/** At most one request of a tab under way that may still be answered. */
function expectOneAttemptPerTab(browser: TestBrowser): void {
  const open = browser.network.open().filter(({ path }) => path === "/auth/refresh");
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
        const run = await begin(locks);
        for (const step of steps) {
          await take(run, step);
          expectOneAttemptPerTab(run.browser);
        }
        for (const tab of run.browser.tabs) tab.thaw();
        await run.browser.runSmoothly(200_000);
        expect(endings(run.browser)).toEqual([]);
        for (const tab of run.browser.tabs) {
          expect(tab.client.getState()).toMatchObject({ status: "fresh" });
          expect(await tab.client.getAccessToken()).toMatch(/^ey/);
        }
        for (const tab of [...run.browser.tabs]) run.browser.closeTab(tab);
      }),
      { numRuns: 60, interruptAfterTimeLimit: 20_000 },
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
        const run = await begin(locks);
        for (const step of before) await take(run, step);
        await take(run, signOut);
        for (const step of after) await take(run, step);
        for (const tab of run.browser.tabs) {
          const outcome = await Promise.race([
            tab.client.getAccessToken().catch(() => "none"),
            settle().then(() => "none"),
          ]);
          expect(outcome).toBe("none");
        }
        for (const tab of run.browser.tabs) tab.thaw();
        await run.browser.runSmoothly(200_000);
        for (const tab of run.browser.tabs) {
          expect(["signed-out", "ended"]).toContain(tab.client.getState().status);
        }
        for (const tab of [...run.browser.tabs]) run.browser.closeTab(tab);
      }),
      { numRuns: 60, interruptAfterTimeLimit: 20_000 },
    );
  });
}
