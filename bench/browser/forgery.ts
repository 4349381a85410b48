import { setTimeout as sleep } from "node:timers/promises";

import type { BrowserContext } from "playwright-core";

import type { SeededRandom } from "../harness/seeded-random.ts";
import type { Stage } from "./stage.ts";
import { MARK } from "./traffic.ts";

export interface ForgeryOutcome {
  readonly attempts: number;
  readonly refused: number;
  /** Requests that reached the authority with the victim's session, so that it was the authority which refused. */
  readonly withSession: number;
  readonly violations: readonly string[];
}

const ROUTES = ["/auth/refresh", "/auth/logout", "/auth/logout-all", "/auth/login", "/auth/me"] as const;
const WAYS = ["form", "form text/plain", "no-cors", "cors", "cors with a CSRF header", "beacon", "image"] as const;
/** For the browser to have sent what it will send, and the authority to have answered. */
const SETTLE_MS = 1_500;

/** A page of another host, in the victim's own browser, has requests made to the authority in every way there is. */
export async function forgeRequests(
  stage: Stage,
  context: BrowserContext,
  { host, random }: { readonly host: string; readonly random: SeededRandom },
): Promise<ForgeryOutcome> {
  const credentials = await makeAccount(stage, random);
  const page = await context.newPage();
  const attempts = ROUTES.flatMap((route) => WAYS.map((way) => ({ route, way, mark: random.text(16) })));
  let read: readonly string[];
  try {
    await page.goto(stage.elsewhere(host));
    read = await page.evaluate(sendAll, {
      attempts: attempts.map(({ way, route, mark }) => ({ way, mark, url: `${stage.issuer}${route}?${MARK}=${mark}` })),
      credentials,
    });
    await sleep(SETTLE_MS);
  } finally {
    await page.close();
  }
  const violations: string[] = [];
  let [refused, withSession] = [0, 0];
  for (const { route, way, mark } of attempts) {
    const answers = stage.traffic.forged(mark);
    // A preflight is answered like any other request that asks for nothing; it is its headers that count.
    const granted = answers.filter(
      ({ method, status, gaveSomething }) => gaveSomething || (method !== "OPTIONS" && status < 400),
    );
    if (answers.some(({ broughtSession, method }) => broughtSession && method !== "OPTIONS")) withSession += 1;
    if (granted.length === 0 && !read.includes(mark)) refused += 1;
    else violations.push(`${host}: ${way} to ${route} got ${JSON.stringify(granted)}`);
  }
  return { attempts: attempts.length, refused, withSession, violations };
}

/** The attacker's own: a forged sign-in would have the victim use that. */
async function makeAccount(stage: Stage, random: SeededRandom): Promise<string> {
  const account = { email: `${random.text(16)}@attacker.test`, password: "a passphrase that is long enough" };
  const { status } = await fetch(`${stage.upstream}/auth/signup`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Origin: stage.issuer },
    body: JSON.stringify(account),
  });
  if (status !== 201) throw new Error(`the sign-up answered ${status}`);
  return JSON.stringify({ ...account, transport: "cookie" });
}

interface Forgeries {
  readonly attempts: readonly { readonly way: (typeof WAYS)[number]; readonly mark: string; readonly url: string }[];
  readonly credentials: string;
}

/** Runs in the attacker's page; answers the marks of the requests whose answers it could read. */
async function sendAll({ attempts, credentials }: Forgeries): Promise<readonly string[]> {
  const read: string[] = [];
  const post = async (url: string, mark: string, init: RequestInit): Promise<void> => {
    try {
      const { type } = await fetch(url, { method: "POST", credentials: "include", ...init });
      if (type !== "opaque") read.push(mark);
    } catch {
      // Not sent, or not to be read.
    }
  };
  const submit = (url: string, enctype: string): void => {
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.name = `frame-${document.forms.length}`;
    const form = document.body.appendChild(document.createElement("form"));
    const field = form.appendChild(document.createElement("input"));
    // As text/plain a form's body is `name=value`: with this name it is JSON.
    field.name = credentials.replace(/}$/, ',"a":"');
    field.value = '"}';
    Object.assign(form, { method: "post", action: url, enctype, target: frame.name });
    form.submit();
  };
  await Promise.all(
    attempts.map(async ({ way, mark, url }) => {
      switch (way) {
        case "form":
          return submit(url, "application/x-www-form-urlencoded");
        case "form text/plain":
          return submit(url, "text/plain");
        case "no-cors":
          return post(url, mark, { mode: "no-cors", body: credentials });
        case "cors":
          return post(url, mark, { body: credentials });
        case "cors with a CSRF header": {
          const headers = { "X-CSRF-Token": "0.forged", "Content-Type": "application/json" };
          return post(url, mark, { headers, body: credentials });
        }
        case "beacon":
          navigator.sendBeacon(url, credentials);
          return undefined;
        case "image":
          new Image().src = url;
          return undefined;
      }
    }),
  );
  return read;
}
