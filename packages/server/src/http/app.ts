import {
  ATTEMPT_HEADER,
  authorizationServerMetadataUrl,
  CSRF_HEADER,
  IDEMPOTENCY_KEY_HEADER,
} from "@latchkey/protocol";
import type { Context } from "hono";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";

import { AuthError } from "../errors.ts";
import { errorAnswer } from "./answers.ts";
import type { Exchange, HttpContext, Route } from "./exchange.ts";
import { getMetadata } from "./published.ts";
import { ROUTES } from "./routes.ts";

/** What the server in front knows of a request and the request itself does not say. */
export interface ConnectionInfo {
  readonly remoteAddress?: string | undefined;
}

type Env = { Bindings: ConnectionInfo };

/** Every route of the contract behind one `fetch`. */
export function createApp(http: HttpContext): Hono<Env> {
  const app = new Hono<Env>();
  app.use(
    secureHeaders({
      strictTransportSecurity: http.cookies.secure ? "max-age=31536000; includeSubDomains" : false,
      contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      referrerPolicy: "no-referrer",
      crossOriginResourcePolicy: false,
    }),
  );
  app.use(`${http.basePath}/auth/*`, allowedOriginsCors(http));
  app.use(`${http.basePath}/oauth/revoke`, allowedOriginsCors(http));

  // RFC 8414 puts its suffix between the issuer's origin and path, so this one route may lie outside of basePath.
  const rfc8414Path = new URL(authorizationServerMetadataUrl(http.issuer)).pathname;
  const rfc8414: Route = { method: "GET", path: rfc8414Path, summary: "Metadata", handle: getMetadata };
  register(app, http, [rfc8414, ...ROUTES.map((route) => ({ ...route, path: http.basePath + route.path }))]);

  app.notFound(() => errorAnswer(new AuthError("not_found")));
  app.onError((error, context) => {
    if (error instanceof AuthError && error.code !== "unavailable") return errorAnswer(error);
    if (context.req.raw.signal.aborted) return errorAnswer(new AuthError("invalid_request"));
    // Whatever failed, the answer is "not now": never a reason for a client to drop its credentials.
    http.logger.error({ err: error.cause ?? error }, "a request could not be answered");
    return errorAnswer(error instanceof AuthError ? error : new AuthError("unavailable"));
  });
  return app;
}

function register(app: Hono<Env>, http: HttpContext, routes: readonly Route[]): void {
  for (const route of routes) {
    app.on(route.method, route.path, (context) => route.handle(exchangeOf(context, http)));
  }
  for (const [path, ofPath] of Map.groupBy(routes, (route) => route.path)) {
    const allow = ofPath.map((route) => route.method);
    app.all(path, () => errorAnswer(new AuthError("method_not_allowed", { allow })));
  }
}

function exchangeOf(context: Context<Env>, http: HttpContext): Exchange {
  const request = context.req.raw;
  return {
    request,
    params: context.req.param(),
    http,
    origin: {
      ip: http.readClientAddress(context.env.remoteAddress, request.headers.get("x-forwarded-for")),
      userAgent: request.headers.get("user-agent")?.slice(0, 256) ?? null,
    },
  };
}

/** Pages of allowed origins may read answers and send cookies; the list is exact and never reflected. */
function allowedOriginsCors(http: HttpContext): ReturnType<typeof cors> {
  return cors({
    origin: (origin) => (http.allowedOrigins.has(origin) ? origin : null),
    credentials: true,
    allowMethods: ["GET", "POST", "DELETE"],
    allowHeaders: ["Content-Type", "Authorization", CSRF_HEADER, ATTEMPT_HEADER, IDEMPOTENCY_KEY_HEADER],
    exposeHeaders: ["WWW-Authenticate", "Retry-After"],
    maxAge: 600,
  });
}
