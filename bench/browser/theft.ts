import { setTimeout as sleep } from "node:timers/promises";

import type { Page } from "playwright-core";

import { createProver } from "../dpop/prover.ts";
import type { SeededRandom } from "../harness/seeded-random.ts";
import type { Binding, Profile, Stage } from "./stage.ts";
import type { Jar } from "./tabs.ts";
import { readJar, signUp, statusOf, tabsNot } from "./tabs.ts";

/** What became of one copied jar. */
export interface TheftOutcome {
  readonly caught: boolean;
  readonly story: string;
}

/** By then an owner whose page is open has refreshed, through whatever befalls it. */
const ALARM_MS = 40_000;

/**
 * Copies a browser's whole jar and uses it elsewhere. Bound: the copy is refused and its owner goes on. Unbound: the reuse
 * is noticed, and the session ends for both.
 */
export async function stealJar(stage: Stage, binding: Binding, random: SeededRandom): Promise<TheftOutcome> {
  const lines: string[] = [];
  const owner = await stage.openProfile(binding, (line) => lines.push(line));
  try {
    const page = await owner.openTab();
    await signUp(page);
    await sleep(random.between(0, 3_000));
    const jar = await copyAtRest(stage, owner);
    const { caught, story } =
      binding === "auto" ? await useBound(stage, page, jar) : await useUnbound(stage, { owner, page, jar, random });
    return { caught, story: `${story}; the owner's page: ${lines.slice(-6).join(", ")}` };
  } finally {
    await owner.context.close();
  }
}

/** A copy of mid-attempt has the attempt's key, and is as good as the owner for one refresh: see docs/session-protocol.md. */
async function copyAtRest(stage: Stage, owner: Profile): Promise<Jar> {
  for (;;) {
    const jar = await readJar(owner.context, stage.issuer);
    if (jar.refreshToken !== undefined && !jar.attemptKeys.includes(`gen-${jar.generation}-`)) return jar;
    await sleep(20);
  }
}

async function useBound(stage: Stage, page: Page, jar: Jar): Promise<TheftOutcome> {
  const bare = await present(stage, jar);
  const prover = createProver();
  const forged = await present(stage, jar, { DPoP: prover.prove("POST", `${stage.issuer}/auth/refresh`) });

  const elsewhere = await stage.openProfile("auto", () => undefined);
  let copied: string;
  try {
    await elsewhere.context.addCookies([...jar.all]);
    copied = await statusOf(await elsewhere.openTab().then(async (tab) => (await started(tab), tab)));
  } finally {
    await elsewhere.context.close();
  }
  // Whoever the jar belongs to goes on as if nothing had happened.
  const before = await generationOf(page);
  const goesOn = await waitFor(async () => (await generationOf(page)) > before && (await statusOf(page)) === "fresh");
  const isRefused = bare.token === undefined && forged.token === undefined && copied === "ended";
  return {
    caught: isRefused && goesOn,
    story: `bare ${bare.told}, with another key ${forged.told}, in another browser ${copied}, owner goes on: ${goesOn}`,
  };
}

async function useUnbound(
  stage: Stage,
  parts: { readonly owner: Profile; readonly page: Page; readonly jar: Jar; readonly random: SeededRandom },
): Promise<TheftOutcome> {
  const { owner, page, jar, random } = parts;
  const isFirst = random.chance(0.5);
  if (!isFirst) {
    await waitFor(async () => (await readJar(owner.context, stage.issuer)).generation > jar.generation);
  }
  // With its own attempt key, with none, or with those it has copied.
  const attemptKeys = random.pick([`gen-${jar.generation}-${random.text(26)}`, "", jar.attemptKeys]);
  let used = await present(stage, { ...jar, attemptKeys });
  if (used.status === 409) {
    used = await present(stage, { ...jar, attemptKeys: `gen-${jar.generation}-${random.text(26)}` });
  }
  const ended = (await tabsNot([page], ["ended"], ALARM_MS)).length === 0;
  const last = await present(stage, { ...jar, ...used.next, attemptKeys: "" });
  return {
    caught: ended && last.status === 401,
    story: `the thief ${isFirst ? "first" : "second"}: ${used.told}, then ${last.told}, the owner's session ended: ${ended}`,
  };
}

interface Presented {
  readonly status: number;
  readonly told: string;
  readonly token: string | undefined;
  /** The thief's own jar from here on. */
  readonly next: Pick<Jar, "refreshToken" | "csrfToken">;
}

async function present(stage: Stage, jar: Jar, headers: Record<string, string> = {}): Promise<Presented> {
  const cookies = {
    "__Secure-latchkey-rt": jar.refreshToken,
    "__Host-latchkey-csrf": jar.csrfToken,
    ...(jar.attemptKeys !== "" && { "__Host-latchkey-attempt": jar.attemptKeys }),
  };
  const response = await fetch(`${stage.upstream}/auth/refresh`, {
    method: "POST",
    headers: {
      Cookie: Object.entries(cookies)
        .map(([name, value]) => `${name}=${value}`)
        .join("; "),
      Origin: stage.issuer,
      "X-CSRF-Token": jar.csrfToken ?? "",
      ...headers,
    },
  });
  const body = (await response.json()) as { readonly error?: string };
  const given = (name: string): string | undefined =>
    response.headers
      .getSetCookie()
      .find((cookie) => cookie.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .split(";")[0];
  const token = given("__Secure-latchkey-rt");
  const next = token === undefined ? jar : { refreshToken: token, csrfToken: given("__Host-latchkey-csrf") };
  return {
    status: response.status,
    told: `${response.status} ${body.error ?? ""}`.trim(),
    token,
    next: { refreshToken: next.refreshToken, csrfToken: next.csrfToken },
  };
}

const generationOf = (page: Page): Promise<number> =>
  page.evaluate(() => window.latchkey.getSession()?.generation ?? -1);

async function started(page: Page): Promise<void> {
  await page.waitForFunction(() => window.latchkey.getState().status !== "refreshing");
}

async function waitFor(holds: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + ALARM_MS;
  while (performance.now() < deadline) {
    if (await holds()) return true;
    await sleep(50);
  }
  return false;
}
