import { setTimeout as sleep } from "node:timers/promises";

import type { Page } from "playwright-core";

import type { SeededRandom } from "../harness/seeded-random.ts";
import type { Binding, Stage } from "./stage.ts";
import { readJar, signIn, signUp, tabsNot } from "./tabs.ts";

export interface RaceOutcome {
  readonly rounds: number;
  /** Whatever of a session was left, or came back. */
  readonly violations: readonly string[];
}

const OVER = ["signed-out", "ended"];
const GONE_MS = 15_000;
/** Longer than any answer of the proxy's is late. */
const LATE_ANSWERS_MS = 1_500;

/** One tab signs out while the others refresh: all end signed out, and no late answer brings the session back. */
export async function raceSignOuts(
  stage: Stage,
  binding: Binding,
  parts: { readonly random: SeededRandom; readonly tabs: number; readonly goesOn: () => boolean },
): Promise<RaceOutcome> {
  const { random } = parts;
  const violations: string[] = [];
  const profile = await stage.openProfile(binding, () => undefined);
  let rounds = 0;
  try {
    const tabs = await Promise.all(Array.from({ length: parts.tabs }, () => profile.openTab()));
    const [first] = tabs;
    if (first === undefined) throw new Error("there is no tab");
    const user = await signUp(first);
    for (;;) {
      const asleep = await tabsNot(tabs, ["fresh"], GONE_MS);
      if (asleep.length > 0) await Promise.all(tabs.map((tab) => tab.evaluate(() => window.latchkey.start())));
      const leaver = random.pick(tabs as [Page, ...Page[]]);
      const delays = tabs.map(() => random.between(0, 300));
      const confirmed: boolean[] = [];
      await Promise.all(
        tabs.map(async (tab, index) => {
          await sleep(delays[index]);
          if (tab !== leaver) return tab.evaluate(() => void window.latchkey.refresh());
          confirmed.push((await tab.evaluate(() => window.latchkey.signOut())).confirmed);
        }),
      );
      rounds += 1;
      const say = (what: string): void => void violations.push(`round ${rounds}, ${binding}: ${what}`);
      const left = await tabsNot(tabs, OVER, GONE_MS);
      if (left.length > 0) say(`tabs were still ${left.join(", ")}`);
      if (confirmed[0] !== true) say("the authority did not confirm the sign-out");
      await sleep(LATE_ANSWERS_MS);
      const late = await tabsNot(tabs, OVER, 0);
      if (late.length > 0) say(`after late answers tabs were ${late.join(", ")}`);
      await Promise.all(tabs.map((tab) => tab.reload()));
      await Promise.all(tabs.map((tab) => tab.waitForFunction(() => "latchkey" in window)));
      const back = await tabsNot(tabs, OVER, GONE_MS);
      if (back.length > 0) say(`after a reload tabs were ${back.join(", ")}`);
      const jar = await readJar(profile.context, stage.issuer);
      if (back.length > 0) say(`the jar held generation ${jar.generation}`);
      if (!parts.goesOn()) return { rounds, violations };
      await signIn(first, user);
    }
  } finally {
    await profile.context.close();
  }
}
