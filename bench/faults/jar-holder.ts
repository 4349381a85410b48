import { cookieNames, CSRF_HEADER, formatAttemptCookie, parseCsrfGeneration } from "@latchkey/protocol";
import { setTimeout as sleep } from "node:timers/promises";

import type { HttpMessage } from "../harness/http-message.ts";
import { headersOf, statusOf } from "../harness/http-message.ts";
import { readToken } from "../harness/refresh-token.ts";
import type { SeededRandom } from "../harness/seeded-random.ts";
import { insist, keyOf, keysFor } from "./attempt-keys.ts";
import type { HonestHolder, Outcome, Send } from "./honest-holder.ts";
import { refusal } from "./honest-holder.ts";

const NAMES = cookieNames({ secure: false, scope: "path" });

/** How often a tab's CSRF header was chosen a moment before the browser attaches the cookies. */
const SPLIT_PROBABILITY = 0.1;

/**
 * A browser: one jar, several tabs that refresh with no lock between them. An answer may set the jar back by one
 * generation; no tab goes further than that while another's request may still be answered, which in a browser is a matter of time-outs
 * far shorter than the life of an access token.
 */
export function createJarHolder(options: {
  readonly cookies: readonly string[];
  readonly origin: string;
  readonly send: Send;
  readonly random: SeededRandom;
}): HonestHolder {
  const { origin, send, random } = options;
  const jar = new Map<string, string>();
  take(jar, options.cookies);
  let keys: readonly string[] = [];
  const underWay = new Map<number, number>();

  const csrf = (): string => jar.get(NAMES.csrf) ?? "";
  const generation = (): number => parseCsrfGeneration(csrf()) ?? 0;

  const ask = async (csrfToken: string): Promise<Outcome> => {
    const asked = parseCsrfGeneration(csrfToken) ?? 0;
    underWay.set(asked, (underWay.get(asked) ?? 0) + 1);
    let answer: HttpMessage;
    try {
      if (random.chance(SPLIT_PROBABILITY)) await sleep(random.between(0, 8));
      const cookies = [...jar, [NAMES.attempt, formatAttemptCookie(keys)]].map(([name, value]) => `${name}=${value}`);
      answer = await send(
        "/auth/refresh",
        { Origin: origin, Cookie: cookies.join("; "), [CSRF_HEADER]: csrfToken },
        "",
      );
    } catch (error) {
      if (error instanceof Error) return { kind: "no-answer" };
      throw error;
    } finally {
      underWay.set(asked, (underWay.get(asked) ?? 1) - 1);
    }
    take(jar, headersOf(answer.head, "set-cookie"));
    if (statusOf(answer.head) === 200) return { kind: "granted" };
    const outcome = refusal(answer);
    // Said of what the jar no longer holds.
    if (outcome.kind === "ended" && csrf() !== csrfToken) return { kind: "moved-on" };
    return outcome;
  };

  return {
    get generation() {
      return generation();
    },
    async tryRefresh() {
      const oldest = Math.min(...[...underWay].filter(([, count]) => count > 0).map(([asked]) => asked));
      if (oldest <= generation() - 2) {
        await sleep(2);
        return { kind: "waited" };
      }
      keys = keysFor(generation(), keys, random);
      return ask(csrf());
    },
    insist() {
      keys = insist(generation(), keys, random);
    },
    copy(when) {
      const refreshToken = jar.get(NAMES.refresh) ?? "";
      const { generation: held } = readToken(refreshToken);
      const hasKey = keyOf(held, keys) !== undefined;
      return hasKey === (when === "in mid-attempt") ? { refreshToken, generation: held, keys } : undefined;
    },
  };
}

function take(jar: Map<string, string>, setCookies: readonly string[]): void {
  for (const line of setCookies) {
    const pair = line.split(";")[0] ?? "";
    const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
    if (/;\s*max-age=0/i.test(line)) jar.delete(name);
    else jar.set(name, value);
  }
}
