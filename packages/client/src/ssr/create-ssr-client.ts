import { ERRORS } from "@latchkey/protocol";

import { ClientError } from "../errors.ts";
import type { ClientOptions } from "../options.ts";
import { parseOptions } from "../options.ts";
import { createAttemptCookie } from "./attempt-cookie.ts";
import { readBrowserJar } from "./browser-jar.ts";
import type { RequestSession } from "./request-session.ts";
import { createRequestSession, findFreshToken, isPrepared } from "./request-session.ts";

/** What the client of a server that renders pages, or stands between a page and its APIs, is made of. */
export interface SsrClientOptions extends ClientOptions {
  /**
   * The origins of the pages this server answers for, besides the issuer's: only they may send anything but GET and HEAD.
   */
  readonly pageOrigins?: readonly string[];
  /** How this server reaches the authority. Default: `fetch`, at the issuer's URL. */
  readonly fetchAuthority?: (url: string, init: RequestInit) => Promise<Response>;
  /**
   * The address that a request came from: that of the connection, or what a proxy of yours says of it, which frameworks tell
   * each in their own way. It goes to the authority as `X-Forwarded-For`, which believes it of its `trustedProxies` alone.
   * Without it, all browsers of this server share one network's rate limits.
   */
  readonly clientAddress?: (request: SsrRequest) => string | undefined;
}

/** What is read of a request. */
export type SsrRequest = Pick<Request, "method" | "url" | "headers">;

/** A request that has been looked at: either it must be answered at once, or it has a session. */
export type OpenedRequest =
  | { readonly detour: Response; readonly session?: undefined }
  | { readonly detour?: undefined; readonly session: RequestSession };

export interface SsrClient {
  /**
   * Looks at the cookies of a request. A `detour` is the whole answer: the browser is to write down an attempt key and ask
   * again (307), or the request comes from another site's page (403).
   */
  readonly open: (request: SsrRequest) => Promise<OpenedRequest>;
  /** The same around a handler of standard requests: answers the detour, or what the handler answers, with the cookies. */
  readonly handle: (request: Request, work: (session: RequestSession) => Promise<Response>) => Promise<Response>;
}

/**
 * Makes the client of a server on the authority's own host, where browsers bring it the authority's cookies: the refresh
 * cookie only if the authority is told to send it everywhere (`cookies.scope: "origin"`), and the access token, which spares
 * most requests the refresh, if it is told to set it (`cookies.accessToken: true`).
 *
 * @throws ClientError `invalid_options`
 */
export function createSsrClient({
  pageOrigins = [],
  fetchAuthority = (url, init) => fetch(url, init),
  clientAddress = () => undefined,
  ...options
}: SsrClientOptions): SsrClient {
  const settings = parseOptions(options);
  const { secure } = settings;
  const trusted = new Set([new URL(settings.issuer).origin, ...pageOrigins]);
  if (pageOrigins.some((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin)) {
    throw new ClientError("invalid_options", "pageOrigins: must be origins like https://app.example.com.");
  }
  const handOutAttempt = createAttemptCookie({ secure, nowMs: () => performance.now(), randomBytes });

  const open: SsrClient["open"] = async (request) => {
    const { headers } = request;
    if (!isSafe(request.method) && !isTrusted(headers, trusted)) return { detour: forbidden() };
    const jar = readBrowserJar(headers.get("Cookie"), secure);
    if (jar.credentials !== undefined && findFreshToken(jar, wallMs()) === undefined && !isPrepared(jar)) {
      const setCookie = handOutAttempt(jar.credentials, jar.attempt);
      if (setCookie === undefined) await pause(ASK_AGAIN_MS);
      return { detour: askAgain(request.url, setCookie) };
    }
    const session = createRequestSession({
      settings,
      jar,
      userAgent: headers.get("User-Agent"),
      clientAddress: clientAddress(request),
      fetch: (input, init) => fetch(input, init),
      fetchAuthority,
      wallMs,
    });
    return { session };
  };

  return {
    open,
    async handle(request, work) {
      const { detour, session } = await open(request);
      if (detour !== undefined) return detour;
      const response = await work(session);
      const answer = new Response(response.body, response);
      session.writeCookies(answer.headers);
      return answer;
    },
  };
}

/** For the key that another request was given to reach the jar. Browsers ask twenty times; by then another is given out. */
const ASK_AGAIN_MS = 150;

const wallMs = (): number => Date.now();

const randomBytes = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

function isSafe(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}

/** As the authority does: an exact origin, or, where browsers leave it out, their word that it is the same. */
function isTrusted(headers: Headers, trusted: ReadonlySet<string>): boolean {
  const origin = headers.get("Origin");
  return origin === null ? headers.get("Sec-Fetch-Site") === "same-origin" : trusted.has(origin);
}

function forbidden(): Response {
  const { status, description } = ERRORS.origin_not_allowed;
  const body = { error: "origin_not_allowed", error_description: description };
  return Response.json(body, { status, headers: { "Cache-Control": "no-store" } });
}

/** 307: the same method and body again, by then with the key. */
function askAgain(url: string, setCookie: string | undefined): Response {
  const { pathname, search } = new URL(url);
  // A path that begins with two slashes would name a host.
  const location = (pathname.startsWith("//") ? `/.${pathname}` : pathname) + search;
  const headers = new Headers({ Location: location, "Cache-Control": "no-store" });
  if (setCookie !== undefined) headers.set("Set-Cookie", setCookie);
  return new Response(null, { status: 307, headers });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
