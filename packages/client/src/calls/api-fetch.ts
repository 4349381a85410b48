import { parseChallengeCode } from "@latchkey/protocol";

import type { AccessToken } from "../core/session.ts";
import type { SessionCore } from "../core/session-core.ts";
import type { TokenRefusal } from "../core/token-refusal.ts";
import { isTokenRefusal } from "../core/token-refusal.ts";
import { unlessAborted } from "../core/unless-aborted.ts";

export interface ApiFetchParts {
  readonly core: Pick<SessionCore, "getToken" | "replaceToken">;
  readonly fetch: (input: string | Request, init?: RequestInit) => Promise<Response>;
  /** The only origins that ever see the token. */
  readonly origins: ReadonlySet<string>;
  /** What relative URLs are relative to; `undefined` outside of pages. */
  readonly baseUrl: string | undefined;
}

export type ApiFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/**
 * `fetch`, with the access token for those APIs that are to have it. Requests to any other origin, and those that bring
 * their own `Authorization`, pass as they are.
 *
 * With a token, redirects are errors (unless `redirect: "manual"`): browsers strip `Authorization` from a redirect to
 * another origin only since 2023, and a path that redirects on the same origin is mended once, in the caller's URL.
 *
 * A request that an API refuses for its token's age is sent once more with a new token. A body given as a `ReadableStream`
 * cannot be sent twice: there, the refusal is the answer.
 */
export function createApiFetch({ core, fetch, origins, baseUrl }: ApiFetchParts): ApiFetch {
  return async (input, init) => {
    const request = new Request(input instanceof Request ? input : new URL(input, baseUrl), init);
    if (!origins.has(new URL(request.url).origin) || request.headers.has("Authorization")) return fetch(request);

    const token = await unlessAborted(core.getToken(), request.signal);
    if (token === undefined) return fetch(request);

    const spare = init?.body instanceof ReadableStream ? undefined : request.clone();
    const response = await fetch(withToken(request, token));
    const refusal = refusalOf(response);
    if (refusal === undefined) return response;

    const replacement = await unlessAborted(core.replaceToken(token, refusal), request.signal);
    if (replacement === undefined || spare === undefined) return response;
    await response.body?.cancel();
    return fetch(withToken(spare, replacement));
  };
}

function withToken(request: Request, { token_type, access_token }: AccessToken): Request {
  const authorized = new Request(request, { redirect: request.redirect === "manual" ? "manual" : "error" });
  authorized.headers.set("Authorization", `${token_type} ${access_token}`);
  return authorized;
}

function refusalOf(response: Response): TokenRefusal | undefined {
  const code = response.status === 401 ? parseChallengeCode(response.headers.get("WWW-Authenticate")) : undefined;
  return isTokenRefusal(code) ? code : undefined;
}
