/**
 * Middleware for Express 5, and anything else that calls `(request, response, next)` with Node's own objects.
 *
 * ```ts
 * const verifier = createVerifier({ issuer: "https://auth.example.com", audience: "https://api.example.com" });
 * app.use("/api", guard(verifier));
 * app.get("/api/reports", requireScope("read:reports"), (request, response) => {
 *   response.json({ for: request.auth.subject });
 * });
 * ```
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Refusal } from "./errors.ts";
import { type Judgement, judgeOf } from "./judgement.ts";
import { answerTo, type RefusalAnswer } from "./refusal-answer.ts";
import { findShortfall, type Requirement, roleRequirement, scopeRequirement } from "./requirements.ts";
import type { VerifiedAccessToken } from "./verified-access-token.ts";
import type { Verifier } from "./verifier.ts";

declare global {
  // Express's own place for what middleware adds to a request.
  namespace Express {
    interface Request {
      /** Who calls, on routes behind `guard(verifier)`. Elsewhere it is `undefined`, like `body` without a parser. */
      auth: VerifiedAccessToken;
    }
  }
}

/** Fits wherever Express takes a handler. */
export type ExpressMiddleware = (
  request: IncomingMessage & { auth?: VerifiedAccessToken },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void | Promise<void>;

/**
 * Lets requests with a valid access token through, as `request.auth`, and answers all others itself: 400, 401, 403 or 503 with
 * a challenge (RFC 6750). Unexpected errors go to Express's error handler.
 *
 * @throws VerifierError `invalid_options`, at once
 */
export function guard(verifier: Verifier): ExpressMiddleware {
  const judge = judgeOf(verifier);
  return (request, response, next) => {
    const proceed = (judgement: Judgement): void => {
      if (judgement.kind === "refused") return send(response, answerTo(judgement.refusal));
      request.auth = judgement.token;
      next();
    };
    let judgement: Judgement | Promise<Judgement>;
    try {
      judgement = judge(request);
    } catch (error) {
      return next(error);
    }
    return judgement instanceof Promise ? judgement.then(proceed, next) : proceed(judgement);
  };
}

/**
 * Lets requests through whose token has all of these scopes; answers others 403. Goes after `guard(verifier)`; without it, every
 * request is an error.
 *
 * @throws VerifierError `invalid_options`, at once
 */
export function requireScope(...scopes: readonly string[]): ExpressMiddleware {
  return demand(scopeRequirement(scopes));
}

/** As `requireScope`, for all of these roles. */
export function requireRole(...roles: readonly string[]): ExpressMiddleware {
  return demand(roleRequirement(roles));
}

function demand(requirement: Requirement): ExpressMiddleware {
  return (request, response, next) => {
    let shortfall: Refusal | undefined;
    try {
      shortfall = findShortfall(request.auth, requirement);
    } catch (error) {
      next(error);
      return;
    }
    if (shortfall === undefined) next();
    else send(response, answerTo(shortfall));
  };
}

function send(response: ServerResponse, { status, headers, body }: RefusalAnswer): void {
  response.writeHead(status, headers).end(body);
}
