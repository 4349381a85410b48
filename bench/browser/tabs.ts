import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type { BrowserContext, Page } from "playwright-core";

export interface User {
  readonly email: string;
  readonly password: string;
}

/** Makes an account and signs in. */
export async function signUp(page: Page): Promise<User> {
  const user = { email: `${randomUUID()}@example.com`, password: "a passphrase that is long enough" };
  await untilAnswered(page, user, (credentials) =>
    window.latchkey.signUp(credentials).then(
      () => "done",
      // An earlier try, whose answer was not heard, has made it.
      ({ code }: { readonly code: string }) => (code === "email_taken" ? "done" : code),
    ),
  );
  await signIn(page, user);
  return user;
}

export async function signIn(page: Page, user: User): Promise<void> {
  await untilAnswered(page, user, (credentials) =>
    window.latchkey.signIn(credentials).then(
      () => "done",
      ({ code }: { readonly code: string }) => code,
    ),
  );
}

const MAX_TRIES = 5;

/** People try again where nobody answers. */
async function untilAnswered(page: Page, user: User, call: (user: User) => Promise<string>): Promise<void> {
  let code = "";
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    code = await page.evaluate(call, user);
    if (code === "done") return;
    if (code !== "unreachable") break;
  }
  throw new Error(`the authority answered ${code}`);
}

export function statusOf(page: Page): Promise<string> {
  return page.evaluate(() => window.latchkey.getState().status);
}

/** Waits until each tab's state is one of these; answers the tabs where it never came to that. */
export async function tabsNot(
  tabs: readonly Page[],
  statuses: readonly string[],
  patienceMs: number,
): Promise<readonly string[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const found = await Promise.all(tabs.map(statusOf));
    const others = found.filter((status) => !statuses.includes(status));
    if (others.length === 0 || performance.now() > deadline) return others;
    await sleep(100);
  }
}

/** The cookies that the authority has put into a browser's jar. */
export interface Jar {
  readonly refreshToken: string | undefined;
  readonly csrfToken: string | undefined;
  readonly attemptKeys: string;
  readonly generation: number;
  readonly all: Awaited<ReturnType<BrowserContext["cookies"]>>;
}

export async function readJar(context: BrowserContext, issuer: string): Promise<Jar> {
  const all = await context.cookies(`${issuer}/auth/refresh`);
  const valueOf = (name: string): string | undefined => all.find((cookie) => cookie.name === name)?.value;
  const csrfToken = valueOf("__Host-latchkey-csrf");
  return {
    refreshToken: valueOf("__Secure-latchkey-rt"),
    csrfToken,
    attemptKeys: valueOf("__Host-latchkey-attempt") ?? "",
    generation: Number(csrfToken?.split(".")[0] ?? -1),
    all,
  };
}
