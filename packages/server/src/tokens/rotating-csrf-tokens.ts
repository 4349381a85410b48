import type { RefreshKeys } from "../keys/key-ring.ts";
import type { Clock } from "../ports/clock.ts";
import type { CsrfTokens } from "./csrf-token.ts";

/** Issues with the key of the moment, and reads what any key has made that is still good. */
export function createRotatingCsrfTokens(refreshKeys: RefreshKeys, clock: Clock): CsrfTokens {
  return {
    issue: (sessionId, generation) => refreshKeys.at(clock()).csrfTokens.issue(sessionId, generation),
    read(token, sessionId) {
      for (const { csrfTokens } of refreshKeys.all) {
        const generation = csrfTokens.read(token, sessionId);
        if (generation !== undefined) return generation;
      }
      return undefined;
    },
  };
}
