import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * The CSRF token of a session (OWASP: signed double submit, bound to the session): `<generation>.<MAC>`. The generation
 * lets a page see whether another tab has refreshed since; any generation's token is good for its session.
 */
export interface CsrfTokens {
  issue(sessionId: string, generation: number): string;
  isValid(token: string | null, sessionId: string): boolean;
}

export function createCsrfTokens(key: Uint8Array): CsrfTokens {
  const issue = (sessionId: string, generation: number): string =>
    `${generation}.${createHmac("sha256", key).update(`${sessionId}\n${generation}`).digest("base64url")}`;

  return {
    issue,
    isValid(token, sessionId) {
      const generation = /^(0|[1-9]\d{0,8})\./.exec(token ?? "")?.[1];
      if (token === null || generation === undefined) return false;
      const expected = Buffer.from(issue(sessionId, Number(generation)));
      const presented = Buffer.from(token);
      return presented.length === expected.length && timingSafeEqual(presented, expected);
    },
  };
}
