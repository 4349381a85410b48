import { setTimeout as sleep } from "node:timers/promises";

import type { CDPSession, Page } from "playwright-core";

import type { SeededRandom } from "../harness/seeded-random.ts";
import type { Profile } from "./stage.ts";
import { CLOCK_KEY } from "./stage.ts";

/** What a browser and its user do to tabs. Each act leaves them all awake and on line. */
export interface Mischief {
  /** Freezes some tabs for some seconds, as a browser does with those in the background. */
  freeze(): Promise<void>;
  /** Reloads every tab, and again before the first reload is done. */
  reloadStorm(): Promise<void>;
  /** The device's clock jumps a day ahead or back. */
  jumpClock(): Promise<void>;
  /** Takes the browser off line for some seconds. */
  goOffline(): Promise<void>;
  /** Closes a tab in the middle of whatever it does, and opens another. */
  replaceTab(): Promise<void>;
}

const DAY_MS = 86_400_000;

export function createMischief(profile: Profile, tabs: Page[], random: SeededRandom): Mischief {
  const sessions = new WeakMap<Page, CDPSession>();
  const sessionOf = async (page: Page): Promise<CDPSession> => {
    const session = sessions.get(page) ?? (await profile.context.newCDPSession(page));
    sessions.set(page, session);
    return session;
  };
  // `Page.setWebLifecycleState` does nothing to a page that is visible, as all pages of a headless browser are. A debugger stops
  // a page's timers, handlers and promises just so, wherever they are, and lets its requests, cookies and locks be.
  const setFrozen = async (page: Page, isFrozen: boolean): Promise<void> => {
    const session = await sessionOf(page);
    await session.send(isFrozen ? "Debugger.enable" : "Debugger.disable");
    if (isFrozen) await session.send("Debugger.pause");
  };
  const anyTab = (): Page => random.pick(tabs as [Page, ...Page[]]);

  return {
    async freeze() {
      const first = anyTab();
      const chosen = tabs.filter((tab) => tab === first || random.chance(0.4));
      await Promise.all(chosen.map((tab) => setFrozen(tab, true)));
      await sleep(random.between(1_000, 6_000));
      await Promise.all(chosen.map((tab) => setFrozen(tab, false)));
    },
    async reloadStorm() {
      await Promise.all(
        tabs.map(async (tab) => {
          const reload = (): Promise<unknown> => tab.reload().catch(() => undefined);
          // One takes the place of the other, which then fails.
          const first = reload();
          await sleep(random.between(0, 400));
          await Promise.all([first, reload()]);
          await tab.waitForFunction(() => "latchkey" in window);
        }),
      );
    },
    async jumpClock() {
      const offset = random.pick([-DAY_MS, 0, DAY_MS]);
      await anyTab().evaluate(([key, value]) => localStorage.setItem(key, value), [CLOCK_KEY, `${offset}`] as const);
      await sleep(random.between(500, 3_000));
    },
    async goOffline() {
      await profile.context.setOffline(true);
      await sleep(random.between(500, 4_000));
      await profile.context.setOffline(false);
    },
    async replaceTab() {
      const [closed] = tabs.splice(random.between(0, tabs.length - 1), 1);
      await closed?.close();
      tabs.push(await profile.openTab());
    },
  };
}
