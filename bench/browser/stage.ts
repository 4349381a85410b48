import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Browser, BrowserContext, Page } from "playwright-core";
import { chromium } from "playwright-core";

import { freePort } from "../../scripts/free-port.ts";
import type { SeededRandom } from "../harness/seeded-random.ts";
import { startProcess } from "../harness/serve-process.ts";
import { planFault } from "./fault-plan.ts";
import { startBrowserFaultProxy } from "./fault-proxy.ts";
import { OWN_HOST, RESOLVER_RULES } from "./hosts.ts";
import type { Traffic } from "./traffic.ts";
import { recordTraffic } from "./traffic.ts";

export type Binding = "auto" | "off";

/** An authority with a page, a proxy before it, and a browser. */
export interface Stage {
  readonly issuer: string;
  /** The authority itself: who has stolen something meets with no faults. */
  readonly upstream: string;
  /** Pages of other hosts. */
  elsewhere(host: string): string;
  readonly traffic: Traffic;
  /** From here on nothing befalls anybody. */
  endFaults(): void;
  /** A browser profile of its own: one jar, one key. */
  openProfile(binding: Binding, tell: (line: string, page: Page) => void): Promise<Profile>;
  close(): Promise<void>;
}

export interface Profile {
  readonly context: BrowserContext;
  readonly binding: Binding;
  /** Opens the page, and waits until its client has started. */
  openTab(): Promise<Page>;
}

/** How long a page that meets with faults may take to be there. */
export const PATIENCE_MS = 45_000;

/** Where the clock of a page's device stands, in milliseconds from the true time; all tabs of an origin see one clock. */
export const CLOCK_KEY = "clock";

export async function openStage(random: SeededRandom, executablePath: string): Promise<Stage> {
  const [port, upstreamPort] = [await freePort(), await freePort()];
  const issuer = `https://${OWN_HOST}:${port}`;
  const dataPath = mkdtempSync(join(tmpdir(), "latchkey-browser-"));
  const traffic = recordTraffic();
  let hasFaults = true;

  const authority = await startProcess({
    port: upstreamPort,
    readyPath: "/health/ready",
    args: [fileURLToPath(new URL("authority.ts", import.meta.url)), `${upstreamPort}`, issuer, dataPath],
    env: { NODE_ENV: "test" },
  });
  const proxy = await startBrowserFaultProxy({
    port,
    upstreamPort,
    plan(path) {
      const fault = hasFaults ? planFault(random, path) : ({ kind: "none" } as const);
      traffic.count(fault);
      return fault;
    },
    observe: (exchange) => traffic.observe(exchange),
  });
  const browser: Browser = await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--ignore-certificate-errors",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--host-resolver-rules=${RESOLVER_RULES}`,
    ],
  });

  return {
    issuer,
    upstream: `http://127.0.0.1:${upstreamPort}`,
    elsewhere: (host) => `https://${host}:${port}/`,
    traffic,
    endFaults() {
      hasFaults = false;
    },
    async openProfile(binding, tell) {
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      context.setDefaultTimeout(PATIENCE_MS);
      await context.exposeBinding("tellTrial", ({ page }, line: string) => tell(line, page));
      await context.addInitScript(movableClock, CLOCK_KEY);
      await context.addInitScript(lootEverything, issuer);
      return {
        context,
        binding,
        async openTab() {
          const page = await context.newPage();
          await page.goto(`${issuer}/?binding=${binding}`);
          await page.waitForFunction(() => "latchkey" in window);
          return page;
        },
      };
    },
    async close() {
      await browser.close();
      await proxy.close();
      await authority.stop();
      rmSync(dataPath, { recursive: true, force: true });
    },
  };
}

/** Runs in pages, before any of their scripts: the device's clock goes as far wrong as the trial says. */
function movableClock(key: string): void {
  const RealDate = Date;
  const now = (): number => {
    try {
      return RealDate.now() + Number(localStorage.getItem(key) ?? 0);
    } catch {
      return RealDate.now();
    }
  };
  class MovedDate extends RealDate {
    constructor(...given: [] | [number | string | Date]) {
      super(given[0] ?? now());
    }
    static override now(): number {
      return now();
    }
  }
  window.Date = MovedDate as DateConstructor;
}

/** Runs in pages, before any of their scripts: what a script of an attacker's could see go by, in its best position. */
function lootEverything(issuer: string): void {
  if (location.origin !== issuer) return;
  window.loot = [];
  const keep = (text: string): void => {
    window.loot.push(text);
    if (window.loot.length > 200) window.loot.shift();
  };
  const realFetch = window.fetch.bind(window);
  window.fetch = async (...given) => {
    const request = new Request(...given);
    keep(JSON.stringify([request.url, [...request.headers]]));
    const response = await realFetch(...given);
    const copy = response.clone();
    keep(JSON.stringify([...response.headers]));
    copy.text().then(keep, () => undefined);
    return response;
  };
  new BroadcastChannel(`latchkey ${issuer}`).addEventListener("message", (event: MessageEvent<unknown>) =>
    keep(JSON.stringify(event.data)),
  );
}
