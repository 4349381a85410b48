import {
  CLIENT_PAGE_HEADERS,
  CLIENT_PREFLIGHT_HEADERS,
  CORS_HEADERS,
  PREFLIGHT_HEADERS,
  securityHeaders,
} from "./answer-headers.ts";
import type { HeaderFields } from "./answer-headers.ts";
import type { Answer, HttpContext } from "./exchange.ts";

export interface Responder {
  /** @param path the request's path, as it was routed */
  readonly respond: (answer: Answer, request: Request, path: string) => Response;
  readonly preflight: (request: Request) => Response;
}

/**
 * Makes the response of an answer, with the headers that all answers carry. It is made once and from plain fields:
 * changing a response's headers afterwards makes the whole of it again, which takes a tenth of a refresh.
 */
export function createResponder(http: HttpContext): Responder {
  const everywhere = securityHeaders(http.cookies);
  const toPages = { ...everywhere, Vary: "Origin" };
  const account = `${http.basePath}/auth`;
  const interaction = `${http.basePath}/oauth/interaction/`;
  const revoke = `${http.basePath}/oauth/revoke`;
  const isForClientPages = (path: string): boolean =>
    CLIENT_PAGE_PATHS.some((suffix) => path === http.basePath + suffix);

  const allowOrigin = (request: Request): HeaderFields | undefined => {
    const origin = request.headers.get("origin");
    if (origin === null || !http.allowedOrigins.has(origin)) return undefined;
    return { ...CORS_HEADERS, "Access-Control-Allow-Origin": origin };
  };

  const allowClientOrigin = (request: Request, path: string): HeaderFields | undefined => {
    const origin = request.headers.get("origin");
    if (origin === null) return undefined;
    const isClient = http.oauth?.clients.pageOrigins.has(origin) === true;
    // Your own apps revoke there, too.
    if (!isClient && !(path === revoke && http.allowedOrigins.has(origin))) return undefined;
    return { ...CLIENT_PAGE_HEADERS, "Access-Control-Allow-Origin": origin };
  };

  return {
    respond({ status, headers, cookies = [], body }, request, path) {
      const fromPages = path === account || path.startsWith(`${account}/`) || path.startsWith(interaction);
      const fields = fromPages
        ? { ...toPages, ...headers, ...allowOrigin(request) }
        : isForClientPages(path)
          ? { ...toPages, ...headers, ...allowClientOrigin(request, path) }
          : { ...everywhere, ...headers };
      if (cookies.length === 0) return new Response(body, { status, headers: fields });
      const setCookie = cookies.map((cookie): [string, string] => ["Set-Cookie", cookie]);
      return new Response(body, { status, headers: [...Object.entries(fields), ...setCookie] });
    },

    preflight(request) {
      const { pathname } = new URL(request.url);
      const headers = isForClientPages(pathname)
        ? { ...everywhere, ...CLIENT_PREFLIGHT_HEADERS, ...allowClientOrigin(request, pathname) }
        : { ...everywhere, ...PREFLIGHT_HEADERS, ...allowOrigin(request) };
      return new Response(null, { status: 204, headers });
    },
  };
}

/** What pages of public clients ask, from origins that they are registered with. None of it reads a cookie. */
export const CLIENT_PAGE_PATHS: readonly string[] = ["/oauth/par", "/oauth/token", "/oauth/userinfo", "/oauth/revoke"];
