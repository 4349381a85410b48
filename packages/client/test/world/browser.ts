import { randomBytes } from "node:crypto";

import { createCookieStore } from "../../src/browser/cookie-store.ts";
import { createTabLock } from "../../src/browser/tab-lock.ts";
import type { Client } from "../../src/client.ts";
import { assembleClient } from "../../src/client.ts";
import type { ClientEvent } from "../../src/core/state.ts";
import { parseOptions } from "../../src/options.ts";
import type { CookieJar } from "./cookie-jar.ts";
import { createCookieJar } from "./cookie-jar.ts";
import type { Network } from "./network.ts";
import { createNetwork } from "./network.ts";
import type { TabBus } from "./tab-bus.ts";
import { createTabBus } from "./tab-bus.ts";
import type { VirtualTime } from "./virtual-time.ts";
import { createVirtualTime, settle } from "./virtual-time.ts";

export interface Tab {
  readonly name: string;
  readonly client: Client;
  readonly wake: () => void;
  readonly events: readonly ClientEvent[];
  freeze(): void;
  thaw(): void;
}

/** One browser of one user: a jar, a network, any number of tabs, and time that passes only when told to. */
export interface TestBrowser {
  readonly jar: CookieJar;
  readonly network: Network;
  readonly time: VirtualTime;
  readonly bus: TabBus;
  readonly tabs: readonly Tab[];
  openTab(): Tab;
  closeTab(tab: Tab): void;
  close(): void;
  /** Delivers and answers everything, for so long. */
  runSmoothly(ms: number): Promise<void>;
}

export interface TestBrowserOptions {
  readonly issuer: string;
  readonly server: (request: Request) => Promise<Response>;
  /** Web Locks, as Node.js has them; without, tabs have only the jar and the channel. */
  readonly locks?: LockManager;
  readonly apiOrigins?: readonly string[];
}

export function createBrowser({ issuer, server, locks, apiOrigins = [] }: TestBrowserOptions): TestBrowser {
  const time = createVirtualTime(settle);
  const jar = createCookieJar();
  const network = createNetwork(jar, new URL(issuer).origin, server);
  const bus: TabBus = createTabBus();
  const lockName = `test ${randomBytes(8).toString("hex")}`;
  const tabs: Tab[] = [];
  let opened = 0;

  async function carryAll(): Promise<void> {
    for (let rounds = 0; rounds < 50 && network.open().length > 0; rounds++) {
      for (const passage of network.open()) {
        await passage.deliver();
        passage.answer();
        await settle();
      }
    }
  }

  return {
    jar,
    network,
    time,
    bus,
    tabs,
    openTab() {
      const name = `tab ${++opened}`;
      const channel = bus.join();
      const settings = parseOptions({ issuer, apiOrigins });
      const { client, wake } = assembleClient({
        settings,
        baseUrl: issuer,
        ports: {
          nowMs: time.nowMs,
          wallMs: time.nowMs,
          after: time.after,
          randomBytes,
          fetch: network.fetchOf(name),
          store: createCookieStore(jar.page, { secure: settings.secure, randomBytes }),
          tabs: channel,
          runExclusive: createTabLock(lockName, locks, time.after),
        },
      });
      const events: ClientEvent[] = [];
      client.subscribe((event) => events.push(event));
      const tab = { name, client, wake, events, freeze: () => channel.freeze(), thaw: () => channel.thaw() };
      tabs.push(tab);
      return tab;
    },
    closeTab(tab) {
      tab.client.close();
      tabs.splice(tabs.indexOf(tab), 1);
    },
    close() {
      for (const tab of tabs) tab.client.close();
    },
    async runSmoothly(ms) {
      for (let passed = 0; passed < ms; passed += STEP_MS) {
        await carryAll();
        await time.pass(STEP_MS);
      }
      await carryAll();
      await settle();
    },
  };
}

const STEP_MS = 100;
