import { ATTEMPT_HEADER } from "@latchkey/protocol";

import { statusOf } from "../harness/http-message.ts";
import type { SeededRandom } from "../harness/seeded-random.ts";
import type { Send, StolenCopy } from "./honest-holder.ts";
import { errorCodeOf } from "./honest-holder.ts";

const MAX_TRIES = 40;

/** Uses a copied credential store until somebody answers; the new token where it worked, else the error's code. */
export async function useStolenCopy(
  stolen: StolenCopy,
  parts: { readonly send: Send; readonly random: SeededRandom },
): Promise<{ readonly refreshToken: string } | { readonly refused: string }> {
  const { send, random } = parts;
  const own = random.text(26);
  let keys = random.pick<readonly string[]>([[], stolen.keys, [own], [own, ...stolen.keys.slice(0, 3)]]);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    try {
      const answer = await send(
        "/auth/refresh",
        {
          "Content-Type": "application/json",
          ...(keys.length > 0 && { [ATTEMPT_HEADER]: keys.join(",") }),
        },
        JSON.stringify({ refresh_token: stolen.refreshToken }),
      );
      if (statusOf(answer.head) === 200) {
        const body = JSON.parse(answer.body.toString()) as { readonly refresh_token: string };
        return { refreshToken: body.refresh_token };
      }
      if (statusOf(answer.head) >= 500) continue;
      const refused = errorCodeOf(answer);
      if (refused !== "superseded" || keys[0] === own) return { refused };
      // The keys it copied bring it nothing, so it takes one of its own.
      keys = [own];
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }
  return { refused: "no_answer" };
}
