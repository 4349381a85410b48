import { ATTEMPT_HEADER } from "@latchkey/protocol";

import type { HttpMessage } from "../harness/http-message.ts";
import { statusOf } from "../harness/http-message.ts";
import { readToken } from "../harness/refresh-token.ts";
import type { SeededRandom } from "../harness/seeded-random.ts";
import { insist, keyOf, keysFor } from "./attempt-keys.ts";
import type { HonestHolder, Send } from "./honest-holder.ts";
import { refusal } from "./honest-holder.ts";

/** A command line's or an app's session: token and keys in one file, one refresh at a time. */
export function createBodyHolder(options: {
  readonly refreshToken: string;
  readonly send: Send;
  readonly random: SeededRandom;
}): HonestHolder {
  const { send, random } = options;
  let { refreshToken } = options;
  let generation = readToken(refreshToken).generation;
  let keys: readonly string[] = [];

  return {
    get generation() {
      return generation;
    },
    async tryRefresh() {
      keys = keysFor(generation, keys, random);
      let answer: HttpMessage;
      try {
        answer = await send(
          "/auth/refresh",
          { "Content-Type": "application/json", [ATTEMPT_HEADER]: keys.join(",") },
          JSON.stringify({ refresh_token: refreshToken }),
        );
      } catch (error) {
        if (error instanceof Error) return { kind: "no-answer" };
        throw error;
      }
      if (statusOf(answer.head) !== 200) return refusal(answer);
      refreshToken = (JSON.parse(answer.body.toString()) as { readonly refresh_token: string }).refresh_token;
      generation = readToken(refreshToken).generation;
      return { kind: "granted" };
    },
    insist() {
      keys = insist(generation, keys, random);
    },
    copy(when) {
      const hasKey = keyOf(generation, keys) !== undefined;
      return hasKey === (when === "in mid-attempt") ? { refreshToken, generation, keys } : undefined;
    },
  };
}
