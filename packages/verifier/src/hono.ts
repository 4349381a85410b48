/**
 * Middleware for Hono 4.
 *
 * ```ts
 * const verifier = createVerifier({ issuer: "https://auth.example.com", audience: "https://api.example.com" });
 * app.use("/api/*", guard(verifier));
 * app.get("/api/reports", requireScope("read:reports"), (c) => c.json({ for: c.get("auth").subject }));
 * ```
 *
 * @module
 */
import type { Context, MiddlewareHandler, Next } from "hono";

import { type Judgement, judgeOf } from "./judgement.ts";
import type { RequestLike } from "./presented-token.ts";
import { answerTo, type RefusalAnswer } from "./refusal-answer.ts";
import { findShortfall, type Requirement, roleRequirement, scopeRequirement } from "./requirements.ts";
import type { VerifiedAccessToken } from "./verified-access-token.ts";
import type { Verifier } from "./verifier.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** Who calls, on routes behind `guard(verifier)`. Elsewhere it is `undefined`. */
    auth: VerifiedAccessToken;
  }
}

/**
 * Lets requests with a valid access token through, as `c.get("auth")`, and answers all others itself: 400, 401, 403 or 503 with
 * a challenge (RFC 6750). Unexpected errors go to Hono's error handler.
 *
 * @throws VerifierError `invalid_options`, at once
 */
export function guard(verifier: Verifier): MiddlewareHandler {
  const judge = judgeOf(verifier);
  // Not async: there is nearly always nothing to wait for.
  return (context, next) => {
    const judging = judge(requestOf(context));
    return judging instanceof Promise
      ? judging.then((judgement) => admit(context, next, judgement))
      : admit(context, next, judging);
  };
}

function admit(context: Context, next: Next, judgement: Judgement): Promise<Response | void> {
  if (judgement.kind === "refused") return Promise.resolve(toResponse(answerTo(judgement.refusal)));
  context.set("auth", judgement.token);
  return next();
}

/** On Node the request as it came: `req.raw` would have all its headers copied into a Fetch `Headers` first. */
function requestOf(context: Context): RequestLike {
  const incoming = (context.env as { readonly incoming?: RequestLike } | undefined)?.incoming;
  return Array.isArray(incoming?.rawHeaders) ? incoming : context.req.raw;
}

/**
 * Lets requests through whose token has all of these scopes; answers others 403. Goes after `guard(verifier)`; without it, every
 * request is an error.
 *
 * @throws VerifierError `invalid_options`, at once
 */
export function requireScope(...scopes: readonly string[]): MiddlewareHandler {
  return demand(scopeRequirement(scopes));
}

/** As `requireScope`, for all of these roles. */
export function requireRole(...roles: readonly string[]): MiddlewareHandler {
  return demand(roleRequirement(roles));
}

function demand(requirement: Requirement): MiddlewareHandler {
  return async (context, next) => {
    const shortfall = findShortfall(context.get("auth"), requirement);
    return shortfall === undefined ? next() : toResponse(answerTo(shortfall));
  };
}

function toResponse({ status, headers, body }: RefusalAnswer): Response {
  return new Response(body, { status, headers });
}
