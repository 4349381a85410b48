/** What an opaque session cookie holds: the session's id, and the secret that only its holder has. */
export interface SessionCookie {
  readonly sessionId: string;
  readonly secret: string;
}

/** The value of the cookie: nothing in it can be read, and the store has a hash of its secret alone. */
export function formatSessionCookie({ sessionId, secret }: SessionCookie): string {
  return `${sessionId}.${secret}`;
}

/** `undefined` for whatever cannot be one. */
export function parseSessionCookie(value: string): SessionCookie | undefined {
  const [, sessionId, secret] = /^([\w-]{22}(?:\.[0-9a-z]{1,10})?)\.([\w-]{43})$/.exec(value) ?? [];
  return sessionId === undefined || secret === undefined ? undefined : { sessionId, secret };
}
