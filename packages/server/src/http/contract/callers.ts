import { CSRF_HEADER } from "@latchkey/protocol";

import type { CookieSettings } from "../exchange.ts";

/** Who calls a route, and how they show it. */
export type Caller = "user" | "refresh_token_holder" | "resource_server" | "feed_reader" | "mail_reader";

/** OpenAPI's security schemes of an authority. */
export function securitySchemes({ names, sessionName }: CookieSettings): object {
  return {
    accessToken: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
    boundAccessToken: { type: "http", scheme: "DPoP", description: "A token bound to a key, with a proof (RFC 9449)." },
    sessionCookie: { type: "apiKey", in: "cookie", name: sessionName },
    refreshCookie: { type: "apiKey", in: "cookie", name: names.refresh },
    csrfToken: { type: "apiKey", in: "header", name: CSRF_HEADER },
    resourceServer: { type: "http", scheme: "basic", description: "One of your APIs, by its id and secret." },
  };
}

const NOBODY = {};

/** The ways to be a caller, each enough by itself: names of {@link securitySchemes}. */
export function waysToBe(caller: Caller, isRevocationFeedPublic: boolean): readonly object[] {
  switch (caller) {
    case "user":
      return [{ accessToken: [] }, { boundAccessToken: [] }, { sessionCookie: [], csrfToken: [] }];
    case "refresh_token_holder":
      // Or by the token in the body.
      return [{ refreshCookie: [], csrfToken: [] }, NOBODY];
    case "mail_reader":
      // Or by the account's password in the body.
      return [{ accessToken: [] }, { boundAccessToken: [] }, NOBODY];
    case "resource_server":
      return [{ resourceServer: [] }];
    case "feed_reader":
      return [{ resourceServer: [] }, ...(isRevocationFeedPublic ? [NOBODY] : [])];
  }
}
