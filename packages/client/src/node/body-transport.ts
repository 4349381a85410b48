import { ATTEMPT_HEADER, CSRF_HEADER } from "@latchkey/protocol";

import type { CorePorts } from "../core/ports.ts";
import { isRecord, parseSessionAnswer } from "../core/session.ts";
import type { CredentialVault, Grant } from "./credential-vault.ts";

type Fetch = CorePorts["fetch"];

const LOGOUT_TIMEOUT_MS = 3_000;

export interface BodyTransportParts {
  readonly issuer: string;
  readonly fetch: Fetch;
  readonly vault: CredentialVault;
  readonly wallMs: () => number;
}

/**
 * Does for a program what the cookie jar does for a page: the core asks as if the refresh token travelled by itself, and
 * this puts it into the body, with the attempt keys as the store has them now, and stores what comes back before anybody
 * hears of it. All else passes as it is.
 */
export function createBodyTransport({ issuer, fetch, vault, wallMs }: BodyTransportParts): Fetch {
  async function signIn(url: string, init: RequestInit): Promise<Response> {
    const bornAtWallMs = wallMs();
    const wanted = JSON.parse(init.body as string) as object;
    const response = await fetch(url, { ...init, body: JSON.stringify({ ...wanted, transport: "body" }) });
    const { answer, grant } = await readGrant(response, bornAtWallMs);
    // What answers an abort is nobody's any more.
    if (grant === undefined || init.signal?.aborted === true) return answer;
    const replaced = vault.begin(grant);
    // Nobody would hold the old session any longer. It ends by itself if this is not heard.
    if (replaced !== undefined) {
      const signal = AbortSignal.timeout(LOGOUT_TIMEOUT_MS);
      await send(`${issuer}/auth/logout`, { ...init, signal }, replaced).catch(() => undefined);
    }
    return answer;
  }

  async function refresh(url: string, init: RequestInit): Promise<Response> {
    const held = vault.read();
    if (held === undefined || held.version !== preparedFor(init)) return movedOn();
    const bornAtWallMs = wallMs();
    const response = await send(url, init, held.refreshToken, held.attemptKeys);
    const { answer, grant } = await readGrant(response, bornAtWallMs);
    if (!response.ok) return answer;
    if (grant === undefined) return new Response(null, { status: 502 });
    return vault.advance(held.version, grant) ? answer : movedOn();
  }

  async function signOut(url: string, init: RequestInit): Promise<Response> {
    const refreshToken = vault.findRefreshToken(preparedFor(init) ?? "");
    // Another process has signed out of it, and tells the authority itself.
    return refreshToken === undefined ? new Response(null, { status: 204 }) : send(url, init, refreshToken);
  }

  function send(
    url: string,
    init: RequestInit,
    refreshToken: string,
    attemptKeys: readonly string[] = [],
  ): Promise<Response> {
    const headers = new Headers({ "Content-Type": "application/json" });
    if (attemptKeys.length > 0) headers.set(ATTEMPT_HEADER, attemptKeys.join(","));
    return fetch(url, { ...init, headers, body: JSON.stringify({ refresh_token: refreshToken }) });
  }

  return (input, init = {}) => {
    switch (input) {
      case `${issuer}/auth/login`:
        return signIn(input, init);
      case `${issuer}/auth/refresh`:
        return refresh(input, init);
      case `${issuer}/auth/logout`:
        return signOut(input, init);
      default:
        return fetch(input, init);
    }
  };
}

/** The version of the credentials that the core prepared a request for: it travels where a page's CSRF token does. */
function preparedFor(init: RequestInit): string | undefined {
  return new Headers(init.headers).get(CSRF_HEADER) ?? undefined;
}

/** As the authority answers a page whose jar has moved on. */
function movedOn(): Response {
  return Response.json({ error: "superseded" }, { status: 409 });
}

/** Reads an answer to its end; what is passed on of it holds no refresh token. */
async function readGrant(
  response: Response,
  bornAtWallMs: number,
): Promise<{ readonly answer: Response; readonly grant: Grant | undefined }> {
  const text = await response.text();
  const body = parseJson(text);
  const { refresh_token: refreshToken, ...rest } = isRecord(body) ? body : {};
  const answer = parseSessionAnswer(rest);
  const granted = response.status === 200 && typeof refreshToken === "string" && answer !== undefined;
  const { status, headers } = response;
  return {
    answer: new Response(granted ? JSON.stringify(rest) : text, { status, headers }),
    grant: granted ? { refreshToken, answer, bornAtWallMs } : undefined,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
