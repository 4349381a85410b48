import type { DpopNonces } from "@latchkey/jwt";

import type { RefreshKeys } from "../keys/key-ring.ts";
import type { Clock } from "../ports/clock.ts";

/** Issues with the key of the moment, and reads what any key has made that is still good. */
export function createRotatingDpopNonces(refreshKeys: RefreshKeys, clock: Clock): DpopNonces {
  return {
    issue: () => refreshKeys.at(clock()).dpopNonces.issue(),
    read(nonce) {
      for (const { dpopNonces } of refreshKeys.all) {
        const until = dpopNonces.read(nonce);
        if (until !== undefined) return until;
      }
      return undefined;
    },
  };
}
