import { accessCookieName, CSRF_HEADER } from "@latchkey/protocol";

import type { ApiFetch } from "../calls/api-fetch.ts";
import { createApiFetch } from "../calls/api-fetch.ts";
import type { SignInRequest } from "../calls/sign-in.ts";
import { readAnswer, refusalOf } from "../core/answer.ts";
import type { Answer } from "../core/answer.ts";
import { findAttemptKey } from "../core/attempt-key-choice.ts";
import { judgeRefreshAnswer } from "../core/refresh-verdict.ts";
import type { AccessToken } from "../core/session.ts";
import { parseSessionAnswer } from "../core/session.ts";
import { unreachable } from "../errors.ts";
import type { ClientSettings } from "../options.ts";
import type { BrowserJar } from "./browser-jar.ts";
import { outlivesRequest } from "./token-life.ts";

/** The session of the browser that sent one request, for as long as that is being answered. */
export interface RequestSession {
  /**
   * The browser's access token: the one of its cookie, or a new one, fetched once however many ask; `undefined` where nobody
   * is signed in, or the session is bound to a key, which only the page's own client can use.
   *
   * @throws ClientError `unreachable`: there may be a session, but the authority cannot say so right now
   */
  readonly getAccessToken: () => Promise<string | undefined>;
  /**
   * `fetch`, with the browser's access token for the issuer's origin and `apiOrigins` and for no other; once more with a new
   * one after a refusal. No cookie is passed on. @throws ClientError `unreachable`
   */
  readonly fetch: ApiFetch;
  /** Begins a session in the browser, for a form without a script. @throws ClientError `invalid_credentials`, … */
  readonly signIn: (request: SignInRequest) => Promise<void>;
  /** Ends the browser's session. @throws ClientError `unreachable`: nothing has changed */
  readonly signOut: () => Promise<void>;
  /**
   * Puts the cookies that came of all this onto the answer, and keeps caches away from it. The one place, and the last thing
   * before the headers go: what is refreshed afterwards is fetched again at the next request.
   */
  readonly writeCookies: (headers: Headers) => void;
}

export interface RequestSessionParts {
  readonly settings: ClientSettings;
  readonly jar: BrowserJar;
  readonly userAgent: string | null;
  readonly clientAddress: string | undefined;
  readonly fetch: (input: string | Request, init?: RequestInit) => Promise<Response>;
  readonly fetchAuthority: (url: string, init: RequestInit) => Promise<Response>;
  readonly wallMs: () => number;
}

/** Whether a refresh may be asked for: only with the attempt key already in the browser's jar. */
export function isPrepared({ credentials, attempt }: BrowserJar): boolean {
  return credentials !== undefined && findAttemptKey(credentials, attempt) !== undefined;
}

/** The jar's own access token, if it will do. */
export function findFreshToken({ access }: BrowserJar, wallMs: number): string | undefined {
  return access !== undefined && outlivesRequest(access, wallMs) ? access : undefined;
}

export function createRequestSession(parts: RequestSessionParts): RequestSession {
  const { settings, jar, userAgent, clientAddress, wallMs } = parts;
  let cookies: readonly string[] = [];
  let token: Promise<string | undefined> | undefined;
  let refreshed: Promise<string | undefined> | undefined;

  async function call(path: string, json: object | undefined): Promise<Answer | undefined> {
    const headers = new Headers({ Origin: new URL(settings.issuer).origin });
    if (jar.header !== "") headers.set("Cookie", jar.header);
    if (jar.csrf !== undefined) headers.set(CSRF_HEADER, jar.csrf);
    if (userAgent !== null) headers.set("User-Agent", userAgent);
    if (clientAddress !== undefined) headers.set("X-Forwarded-For", clientAddress);
    if (json !== undefined) headers.set("Content-Type", "application/json");
    try {
      const response = await parts.fetchAuthority(settings.issuer + path, {
        method: "POST",
        redirect: "error",
        signal: AbortSignal.timeout(settings.timeoutMs),
        headers,
        body: json === undefined ? null : JSON.stringify(json),
      });
      const answer = await readAnswer(response);
      cookies = [...cookies, ...response.headers.getSetCookie()];
      return answer;
    } catch {
      return undefined;
    }
  }

  async function refresh(): Promise<string | undefined> {
    const verdict = judgeRefreshAnswer(await call("/auth/refresh", undefined));
    switch (verdict.kind) {
      case "granted":
        return verdict.answer.access_token;
      case "over":
        // The page wipes what it knows to be dead. Here, a late answer might wipe what a newer sign-in has set.
        return undefined;
      case "moved-on":
        // Another request of this browser was answered first, and its next one will come with those cookies.
        throw unreachable({ retryAfterSeconds: 1 });
      case "failed":
        // The session is bound to a key of the browser's: to the page's own client it is one, to this server it is none.
        if (verdict.cause === "invalid_dpop_proof") return undefined;
        throw unreachable({ retryAfterSeconds: verdict.retryAfterSeconds });
    }
  }

  async function getAccessToken(): Promise<string | undefined> {
    token ??= Promise.resolve(findFreshToken(jar, wallMs())).then((fresh) => fresh ?? refreshOnce());
    return token;
  }

  async function refreshOnce(): Promise<string | undefined> {
    if (!isPrepared(jar)) return undefined;
    refreshed ??= refresh();
    return refreshed;
  }

  async function replaceToken(refused: string): Promise<string | undefined> {
    const replacement = await refreshOnce();
    if (replacement === undefined) {
      // The next request comes without it, and is sent for an attempt key first.
      cookies = [...cookies, clearedAccessCookie(settings.secure)];
    }
    return replacement === refused ? undefined : replacement;
  }

  return {
    getAccessToken,

    fetch: createApiFetch({
      core: {
        getToken: async () => asBearer(await getAccessToken()),
        replaceToken: async ({ access_token: refused }) => asBearer(await replaceToken(refused)),
      },
      fetch: parts.fetch,
      origins: settings.tokenOrigins,
      baseUrl: undefined,
    }),

    async signIn({ email, password, scope, audience, remember }) {
      const json = { email, password, transport: "cookie", scope, audience, remember };
      const answer = await call("/auth/login", json);
      const granted = answer?.status === 200 ? parseSessionAnswer(answer.body) : undefined;
      if (granted === undefined) throw refusalOf(answer);
      token = Promise.resolve(granted.access_token);
    },

    async signOut() {
      if (jar.refresh === undefined) return;
      const answer = await call("/auth/logout", undefined);
      if (answer?.status !== 204) throw refusalOf(answer);
      token = Promise.resolve(undefined);
    },

    writeCookies(headers) {
      for (const cookie of cookies) headers.append("Set-Cookie", cookie);
      const isPersonal = token !== undefined && !headers.has("Cache-Control");
      if (cookies.length > 0 || isPersonal) headers.set("Cache-Control", "private, no-store");
    },
  };
}

/** The server has no key of the browser's: a session of its own is bound to none. */
function asBearer(token: string | undefined): AccessToken | undefined {
  return token === undefined ? undefined : { access_token: token, token_type: "Bearer" };
}

function clearedAccessCookie(secure: boolean): string {
  const attributes = `Path=/; Max-Age=0; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}`;
  return `${accessCookieName({ secure })}=; ${attributes}`;
}
