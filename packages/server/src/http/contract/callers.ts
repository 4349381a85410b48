import { CSRF_HEADER } from "@latchkey/protocol";

import type { CookieSettings } from "../exchange.ts";

/** Who calls a route, and how they show it. */
export type Caller =
  | "user"
  | "deciding_user"
  | "refresh_token_holder"
  | "resource_server"
  | "feed_reader"
  | "mail_reader"
  | "client"
  | "client_token_holder";

/** OpenAPI's security schemes of an authority. */
export function securitySchemes({ names, sessionName }: CookieSettings): object {
  return {
    accessToken: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
    boundAccessToken: { type: "http", scheme: "DPoP", description: "A token bound to a key, with a proof (RFC 9449)." },
    sessionCookie: { type: "apiKey", in: "cookie", name: sessionName },
    refreshCookie: { type: "apiKey", in: "cookie", name: names.refresh },
    csrfToken: { type: "apiKey", in: "header", name: CSRF_HEADER },
    client: { type: "http", scheme: "basic", description: "A client, by its id and secret (RFC 6749 §2.3.1)." },
    resourceServer: { type: "http", scheme: "basic", description: "One of your APIs, by its id and secret." },
  };
}

const NOBODY = {};

/** The ways to be a caller, each enough by itself: names of {@link securitySchemes}. */
export function waysToBe(caller: Caller, isRevocationFeedPublic: boolean): readonly object[] {
  switch (caller) {
    case "user":
      return [{ accessToken: [] }, { boundAccessToken: [] }, { sessionCookie: [], csrfToken: [] }];
    case "deciding_user":
      // Or, to deny, nobody.
      return [{ accessToken: [] }, { boundAccessToken: [] }, { sessionCookie: [], csrfToken: [] }, NOBODY];
    case "client":
      // Or by an assertion in the body, or, where it is public, by its name there.
      return [{ client: [] }, NOBODY];
    case "client_token_holder":
      return [{ accessToken: [] }, { boundAccessToken: [] }];
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
