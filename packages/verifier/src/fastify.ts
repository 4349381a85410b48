/**
 * Hooks for Fastify 5.
 *
 * ```ts
 * const verifier = createVerifier({ issuer: "https://auth.example.com", audience: "https://api.example.com" });
 * const onRequest = [guard(verifier), requireScope("read:reports")];
 * app.get("/api/reports", { onRequest }, async (request) => ({ for: request.auth.subject }));
 * ```
 *
 * To guard everything in a plugin: `api.addHook("onRequest", guard(verifier))`.
 *
 * @module
 */
import type { FastifyRequest } from "fastify";

import { judgeOf } from "./judgement.ts";
import { answerTo, type RefusalAnswer } from "./refusal-answer.ts";
import { findShortfall, type Requirement, roleRequirement, scopeRequirement } from "./requirements.ts";
import type { VerifiedAccessToken } from "./verified-access-token.ts";
import type { Verifier } from "./verifier.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who calls, on routes behind `guard(verifier)`. Elsewhere it is `undefined`. */
    auth: VerifiedAccessToken;
  }
}

/** What the hooks need of Fastify's request. */
export interface GuardedFastifyRequest {
  readonly raw: Pick<FastifyRequest["raw"], "headers" | "rawHeaders" | "method">;
  /** The request target before `rewriteUrl`. */
  readonly originalUrl: string;
  auth?: VerifiedAccessToken;
}

/** What the hooks need of Fastify's reply. */
export interface GuardedFastifyReply {
  code(status: number): GuardedFastifyReply;
  headers(values: Record<string, string>): GuardedFastifyReply;
  send(payload: string): unknown;
}

/** Fits `onRequest`, `preHandler` and the hooks between them. */
export type FastifyHook = (request: GuardedFastifyRequest, reply: GuardedFastifyReply) => Promise<unknown>;

/**
 * Lets requests with a valid access token through, as `request.auth`, and answers all others itself: 400, 401, 403 or 503 with
 * a challenge (RFC 6750). Unexpected errors go to Fastify's error handler.
 *
 * @throws VerifierError `invalid_options`, at once
 */
export function guard(verifier: Verifier): FastifyHook {
  const judge = judgeOf(verifier);
  return async (request, reply) => {
    const { headers, rawHeaders, method } = request.raw;
    const judging = judge({ headers, rawHeaders, method, url: request.originalUrl });
    const judgement = judging instanceof Promise ? await judging : judging;
    if (judgement.kind === "refused") return send(reply, answerTo(judgement.refusal));
    request.auth = judgement.token;
    return undefined;
  };
}

/**
 * Lets requests through whose token has all of these scopes; answers others 403. Goes after `guard(verifier)`; without it, every
 * request is an error.
 *
 * @throws VerifierError `invalid_options`, at once
 */
export function requireScope(...scopes: readonly string[]): FastifyHook {
  return demand(scopeRequirement(scopes));
}

/** As `requireScope`, for all of these roles. */
export function requireRole(...roles: readonly string[]): FastifyHook {
  return demand(roleRequirement(roles));
}

function demand(requirement: Requirement): FastifyHook {
  return async (request, reply) => {
    const shortfall = findShortfall(request.auth, requirement);
    return shortfall === undefined ? undefined : send(reply, answerTo(shortfall));
  };
}

/**
 * The hooks must return the reply: it is thenable, and resolves when it is on the wire. Otherwise Fastify looks whether it is,
 * finds it held up by somebody's async `onSend` hook, and calls the handler.
 */
function send(reply: GuardedFastifyReply, { status, headers, body }: RefusalAnswer): GuardedFastifyReply {
  reply
    .code(status)
    .headers({ ...headers })
    .send(body);
  return reply;
}
