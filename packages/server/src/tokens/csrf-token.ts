import { timingSafeEqual } from "node:crypto";

import { createMac } from "@latchkey/jwt";
import { parseCsrfGeneration } from "@latchkey/protocol";

/**
 * The CSRF token of a session (OWASP: signed double submit, bound to the session): `<generation>.<MAC>`. The generation
 * lets a page see whether another tab has refreshed since, and the authority see which one a request was prepared for.
 */
export interface CsrfTokens {
  issue(sessionId: string, generation: number): string;
  /** The generation of an authentic token of this session; `undefined` for anything else. */
  read(token: string | null, sessionId: string): number | undefined;
}

export function createCsrfTokens(key: Uint8Array): CsrfTokens {
  const mac = createMac(key);
  const issue = (sessionId: string, generation: number): string =>
    `${generation}.${mac(`${sessionId}\n${generation}`)}`;

  return {
    issue,
    read(token, sessionId) {
      const generation = token === null ? undefined : parseCsrfGeneration(token);
      if (token === null || generation === undefined) return undefined;
      const expected = Buffer.from(issue(sessionId, generation));
      const presented = Buffer.from(token);
      const authentic = presented.length === expected.length && timingSafeEqual(presented, expected);
      return authentic ? generation : undefined;
    },
  };
}
