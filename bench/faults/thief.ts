import { ATTEMPT_HEADER } from "@latchkey/protocol";

import { statusOf } from "../harness/http-message.ts";
import type { SeededRandom } from "../harness/seeded-random.ts";
import type { Send, StolenCopy } from "./honest-holder.ts";
import { errorCodeOf } from "./honest-holder.ts";

const MAX_TRIES = 40;

/**
 * Uses a copied credential store until somebody answers; the new token where it worked, else the error's code.
 *
 * @param parts.asItsOwner goes on with the attempt that the copy has the key of, exactly as its owner would
 */
export async function useStolenCopy(
  stolen: StolenCopy,
  parts: { readonly send: Send; readonly random: SeededRandom; readonly asItsOwner?: boolean },
): Promise<{ readonly refreshToken: string } | { readonly refused: string }> {
  const { send, random } = parts;
  const own = random.text(26);
  let keys =
    parts.asItsOwner === true ? stolen.keys : random.pick([[], stolen.keys, [own], [own, ...stolen.keys.slice(0, 3)]]);
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
      if (refused !== "superseded" || keys[0] === own || parts.asItsOwner === true) return { refused };
      // The keys it copied bring it nothing, so it takes one of its own.
      keys = [own];
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }
  return { refused: "no_answer" };
}
