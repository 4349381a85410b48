import { setTimeout as sleep } from "node:timers/promises";

import type { Page } from "playwright-core";

import type { SeededRandom } from "../harness/seeded-random.ts";
import { createSeededRandom } from "../harness/seeded-random.ts";
import { forgeRequests } from "./forgery.ts";
import { FOREIGN_HOST, SIBLING_HOST } from "./hosts.ts";
import { createMischief } from "./mischief.ts";
import { probePage } from "./probe.ts";
import { raceSignOuts } from "./sign-out-race.ts";
import type { Binding, Stage } from "./stage.ts";
import { openStage } from "./stage.ts";
import { signUp, tabsNot } from "./tabs.ts";
import { stealJar } from "./theft.ts";

export interface BrowserTrialOptions {
  readonly seed: string;
  readonly seconds: number;
  /** Of each of the two browsers. */
  readonly tabs: number;
  /** The Chromium to run. */
  readonly executablePath: string;
}

export interface BrowserTrialOutcome {
  readonly granted: number;
  readonly rotations: number;
  /** By kind: of the network, and of the browser. */
  readonly faults: Readonly<Record<string, number>>;
  readonly mischief: Readonly<Record<string, number>>;
  /** How often pages noticed that they had stood still. */
  readonly freezesFelt: number;
  readonly falseSignOuts: readonly string[];
  readonly stuckTabs: readonly string[];
  readonly signOutRaces: number;
  readonly revivals: readonly string[];
  readonly thieves: Readonly<Record<Binding, number>>;
  readonly caught: Readonly<Record<Binding, number>>;
  readonly uncaught: readonly string[];
  readonly forgeries: number;
  readonly forgeriesRefused: number;
  readonly forgeriesWithSession: number;
  readonly forgeriesGranted: readonly string[];
  readonly probes: number;
  /** Probes that found what a script may read: the CSRF token, and, of the bound session, the key's handle. */
  readonly probesThatSaw: number;
  readonly tokensFound: readonly string[];
  readonly keysExported: readonly string[];
  readonly seconds: number;
}

type Counts = { -readonly [Name in keyof BrowserTrialOutcome]: BrowserTrialOutcome[Name] } & {
  faults: Record<string, number>;
  mischief: Record<string, number>;
  thieves: Record<Binding, number>;
  caught: Record<Binding, number>;
};

const BINDINGS = ["auto", "off"] as const;
const RACING_TABS = 3;
/** Once nothing befalls anybody any more, and a tab has been told to refresh. */
const RECOVERY_MS = 60_000;
/** So many of a tab's last words are kept to tell a violation by. */
const LINES_KEPT = 25;

/** Two browsers, one whose session is bound to its key and one whose is not, and all that can happen to them, for a while. */
export async function runBrowserTrial(options: BrowserTrialOptions): Promise<BrowserTrialOutcome> {
  const random = createSeededRandom(options.seed);
  const stage = await openStage(random.fork("network"), options.executablePath);
  const counts = newCounts();
  const started = performance.now();
  const goesOn = (): boolean => performance.now() - started < options.seconds * 1_000;
  try {
    await Promise.all(
      BINDINGS.flatMap((binding) => [
        live(stage, binding, { ...options, counts, goesOn, random: random.fork(`tabs ${binding}`) }),
        stealAgainAndAgain(stage, binding, { counts, goesOn, random: random.fork(`thieves ${binding}`) }),
        raceAgainAndAgain(stage, binding, { counts, goesOn, random: random.fork(`races ${binding}`) }),
      ]),
    );
    const { granted, rotations } = stage.traffic.refreshes;
    const seconds = (performance.now() - started) / 1_000;
    return { ...counts, granted, rotations, faults: stage.traffic.faults, seconds };
  } finally {
    await stage.close();
  }
}

interface Parts {
  readonly counts: Counts;
  readonly random: SeededRandom;
  readonly goesOn: () => boolean;
}

/** One user's day, in fast motion: nothing of it is to sign anybody out. */
async function live(stage: Stage, binding: Binding, parts: Parts & { readonly tabs: number }): Promise<void> {
  const { counts, random, goesOn } = parts;
  const lines: string[] = [];
  let isSignedIn = false;
  const profile = await stage.openProfile(binding, (line) => {
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.shift();
    if (isSignedIn && /signed-out|ended/.test(line)) {
      counts.falseSignOuts = [...counts.falseSignOuts, `${binding}: ${lines.join(" | ")}`];
    }
  });
  const first = await profile.openTab();
  await signUp(first);
  isSignedIn = true;
  const tabs: Page[] = [first];
  tabs.push(...(await Promise.all(Array.from({ length: parts.tabs - 1 }, () => profile.openTab()))));

  const mischief = createMischief(profile, tabs, random);
  const probe = async (): Promise<void> => {
    const found = await probePage(random.pick(tabs as [Page, ...Page[]]), stage.traffic);
    counts.probes += 1;
    if (found.sawCsrfToken && found.sawKey === (binding === "auto")) counts.probesThatSaw += 1;
    counts.tokensFound = [...counts.tokensFound, ...found.tokens.map((place) => `${binding}: ${place}`)];
    counts.keysExported = [...counts.keysExported, ...found.exported];
  };
  const forge = async (host: string): Promise<void> => {
    const outcome = await forgeRequests(stage, profile.context, { host, random });
    counts.forgeries += outcome.attempts;
    counts.forgeriesRefused += outcome.refused;
    counts.forgeriesWithSession += outcome.withSession;
    counts.forgeriesGranted = [...counts.forgeriesGranted, ...outcome.violations];
  };
  const acts = {
    ...mischief,
    probe,
    "forge from another site": () => forge(FOREIGN_HOST),
    "forge from a sibling": () => forge(SIBLING_HOST),
  };
  // Each at least once, in any order; then whatever comes.
  const names = Object.keys(acts) as [keyof typeof acts, ...(keyof typeof acts)[]];
  let program = shuffled(names, random);
  do {
    const act = program.pop() ?? random.pick(names);
    await acts[act]();
    counts.freezesFelt += act === "freeze" ? await freezesFelt(tabs) : 0;
    counts.mischief[act] = (counts.mischief[act] ?? 0) + 1;
    await sleep(random.between(0, 1_000));
  } while (goesOn() || program.length > 0);

  stage.endFaults();
  await Promise.all(tabs.map((tab) => tab.evaluate(() => void window.latchkey.refresh())));
  const stuck = await tabsNot(tabs, ["fresh"], RECOVERY_MS);
  counts.stuckTabs = [...counts.stuckTabs, ...stuck.map((status) => `${binding}: ${status}; ${lines.join(" | ")}`)];
  await probe();
  await profile.context.close();
}

/** Each page counts its own, and tells once. */
async function freezesFelt(tabs: readonly Page[]): Promise<number> {
  const felt = await Promise.all(
    tabs.map((tab) =>
      tab.evaluate(() => {
        const { frozen } = window;
        window.frozen = 0;
        return frozen;
      }),
    ),
  );
  return felt.reduce((sum, one) => sum + one, 0);
}

async function stealAgainAndAgain(stage: Stage, binding: Binding, { counts, random, goesOn }: Parts): Promise<void> {
  do {
    const { caught, story } = await stealJar(stage, binding, random);
    counts.thieves[binding] += 1;
    if (caught) counts.caught[binding] += 1;
    else counts.uncaught = [...counts.uncaught, `${binding}: ${story}`];
    await sleep(random.between(0, 1_000));
  } while (goesOn());
}

async function raceAgainAndAgain(stage: Stage, binding: Binding, { counts, ...parts }: Parts): Promise<void> {
  const { rounds, violations } = await raceSignOuts(stage, binding, { ...parts, tabs: RACING_TABS });
  counts.signOutRaces += rounds;
  counts.revivals = [...counts.revivals, ...violations];
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function newCounts(): Counts {
  return {
    granted: 0,
    rotations: 0,
    faults: {},
    mischief: {},
    freezesFelt: 0,
    falseSignOuts: [],
    stuckTabs: [],
    signOutRaces: 0,
    revivals: [],
    thieves: { auto: 0, off: 0 },
    caught: { auto: 0, off: 0 },
    uncaught: [],
    forgeries: 0,
    forgeriesRefused: 0,
    forgeriesWithSession: 0,
    forgeriesGranted: [],
    probes: 0,
    probesThatSaw: 0,
    tokensFound: [],
    keysExported: [],
    seconds: 0,
  };
}
