import { authorizationServerMetadataUrl, DPOP_HEADER, DPOP_NONCE_HEADER } from "@latchkey/protocol";
import type { Context } from "hono";
import { Hono } from "hono";

import { AuthError } from "../errors.ts";
import type { Observer } from "../ports/observer.ts";
import { errorAnswer, withCookies } from "./answers.ts";
import { metadata } from "./contract/answers.ts";
import type { Answer, Exchange, HttpContext, Route } from "./exchange.ts";
import { clearedPlantedCookies } from "./planted-cookies.ts";
import { getMetadata } from "./published.ts";
import { CLIENT_PAGE_PATHS, createResponder } from "./responder.ts";
import { servedRoutes } from "./provisions.ts";
import { ROUTES } from "./routes.ts";
import type { TurnedAwayLog } from "./turned-away-log.ts";
import { createTurnedAwayLog } from "./turned-away-log.ts";
import type { ConnectionInfo } from "./transport-security.ts";
import { cameInClearText } from "./transport-security.ts";
import { readUserAgent } from "./user-agent.ts";

type Env = { Bindings: ConnectionInfo };

/** Every route of the contract behind one `fetch`. */
export function createApp(http: HttpContext): Hono<Env> {
  const app = new Hono<Env>();
  const { respond, preflight } = createResponder(http);
  const turnedAway = createTurnedAwayLog(http.logger);
  const answered = (answer: Answer, context: Context<Env>, refusal?: AuthError): Response =>
    respond(withNonce(answer, context, http, refusal), context.req.raw, context.req.path);
  for (const path of ["/auth/*", "/oauth/interaction/*", ...CLIENT_PAGE_PATHS]) {
    app.options(http.basePath + path, (context) => preflight(context.req.raw));
  }

  // RFC 8414 puts its suffix between the issuer's origin and path, so this one route may lie outside of basePath.
  const rfc8414Path = new URL(authorizationServerMetadataUrl(http.issuer)).pathname;
  const rfc8414: Route = {
    method: "GET",
    path: rfc8414Path,
    summary: "Metadata",
    answers: metadata,
    handle: getMetadata,
  };
  const routes = [
    rfc8414,
    ...servedRoutes(ROUTES, http).map((route) => ({ ...route, path: http.basePath + route.path })),
  ];
  for (const route of routes) {
    // Not async, and awaited below: a promise of a promise costs a refresh three turns more.
    const handle = (context: Context<Env>): Promise<Answer> => {
      if (route.inClearText !== true) refuseClearText(context, http);
      return route.handle(exchangeOf(context, http));
    };
    const { observer } = http;
    const seen = observer === undefined ? handle : observeRoute(route, handle, http, observer);
    app.on(route.method, route.path, async (context) => answered(await seen(context), context));
  }
  // Apart, for what found no route: a second handler on a path makes Hono chain the two on every request.
  const paths = new Hono<Env>();
  for (const [path, ofPath] of Map.groupBy(routes, (route) => route.path)) {
    const refusal = errorAnswer(new AuthError("method_not_allowed", { allow: ofPath.map((route) => route.method) }));
    paths.all(path, (context) => answered(refusal, context));
  }
  paths.notFound((context) => answered(errorAnswer(new AuthError("not_found")), context));

  app.notFound((context) => paths.fetch(context.req.raw, context.env));
  app.onError((error, context) => {
    const refusal = asRefusal(error, context, { ...http, turnedAway });
    const planted = clearedPlantedCookies(http, refusal, context.req.path);
    return answered(withCookies(errorAnswer(refusal), planted), context, refusal);
  });
  return app;
}

/** What the handler throws goes on to whom it was for. */
function observeRoute(
  { method, path }: Route,
  handle: (context: Context<Env>) => Promise<Answer>,
  http: HttpContext,
  observer: Observer,
): (context: Context<Env>) => Promise<Answer> {
  return async (context) => {
    const outcome = Promise.withResolvers<Answer>();
    const traceparent = context.req.raw.headers.get("traceparent");
    const isFromTrustedProxy = http.isTrustedProxy(context.env.remoteAddress);
    await observer.observeRequest({ method, route: path, traceparent, isFromTrustedProxy }, async () => {
      try {
        const answer = await handle(context);
        outcome.resolve(answer);
        return { status: answer.status };
      } catch (error) {
        outcome.reject(error);
        const refusal = error instanceof AuthError ? error : new AuthError("unavailable");
        return { status: errorAnswer(refusal).status, error: refusal.code };
      }
    });
    return outcome.promise;
  };
}

function asRefusal(
  error: Error,
  context: Context<Env>,
  { logger, turnedAway }: Pick<HttpContext, "logger"> & { readonly turnedAway: TurnedAwayLog },
): AuthError {
  if (error instanceof AuthError && error.code !== "unavailable") return error;
  if (error instanceof AuthError && isDecided(error)) {
    turnedAway.count();
    return error;
  }
  if (context.req.raw.signal.aborted) return new AuthError("invalid_request");
  // Whatever failed, the answer is "not now": never a reason for a client to drop its credentials.
  const { requestId } = context.env;
  logger.error(
    { err: error.cause ?? error, ...(requestId !== undefined && { requestId }) },
    "a request could not be answered",
  );
  return error instanceof AuthError ? error : new AuthError("unavailable");
}

/** Whether nothing failed: there is too much to do at this moment, and it is known when to ask again. */
function isDecided({ cause, details }: AuthError): boolean {
  return cause === undefined && details.retryAfterSeconds !== undefined;
}

/** Nothing is redirected to HTTPS: a client that sends its secrets in clear text must fail before it gets used to that. */
function refuseClearText(context: Context<Env>, { cookies, isTrustedProxy }: HttpContext): void {
  if (!cookies.secure || !cameInClearText(context.req.raw, context.env, isTrustedProxy)) return;
  throw new AuthError("invalid_request", {
    description: "Only HTTPS is answered. Behind a proxy: it must be trusted, and send X-Forwarded-Proto: https.",
  });
}

function exchangeOf(context: Context<Env>, http: HttpContext): Exchange {
  const request = context.req.raw;
  return {
    request,
    params: context.req.param(),
    http,
    origin: {
      ip: http.readClientAddress(context.env.remoteAddress, request.headers.get("x-forwarded-for")),
      userAgent: readUserAgent(request.headers),
    },
  };
}

/**
 * Hands out nonces: with a refusal for want of one, and, where every proof needs one, with every answer to a proof, so that
 * the next is made with a fresh one (RFC 9449 §8.2).
 */
function withNonce(
  answer: Answer,
  context: Context<Env>,
  { dpopProofs }: HttpContext,
  refusal: AuthError | undefined,
): Answer {
  const isAsked = refusal?.code === "use_dpop_nonce";
  if (!isAsked && !(dpopProofs.nonceRequired && context.req.raw.headers.has(DPOP_HEADER))) return answer;
  return { ...answer, headers: { ...answer.headers, [DPOP_NONCE_HEADER]: dpopProofs.issueNonce() } };
}
