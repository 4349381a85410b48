/**
 * A guard for plain `Request → Response` handlers, as in `Deno.serve`, Bun, edge runtimes and route handlers of meta-frameworks.
 *
 * ```ts
 * const verifier = createVerifier({ issuer: "https://auth.example.com", audience: "https://api.example.com" });
 * export const GET = guard(verifier, requireScope("read:reports"), (request, auth) => Response.json({ for: auth.subject }));
 * ```
 *
 * @module
 */
import { VerifierError } from "./errors.ts";
import { judgeOf } from "./judgement.ts";
import { answerTo, type RefusalAnswer } from "./refusal-answer.ts";
import { findShortfall, type Requirement, roleRequirement, scopeRequirement } from "./requirements.ts";
import type { VerifiedAccessToken } from "./verified-access-token.ts";
import type { Verifier } from "./verifier.ts";

/** What a request must have beyond a valid token. An object, so that it can never stand where a handler belongs. */
export interface FetchRequirement {
  readonly check: Requirement;
}

/** A handler for authenticated requests; `rest` is whatever the framework passes after the request. */
export type GuardedHandler<Rest extends readonly unknown[]> = (
  request: Request,
  auth: VerifiedAccessToken,
  ...rest: Rest
) => Response | Promise<Response>;

/**
 * Makes a fetch handler that calls `handler` only for requests with a valid access token that meets every requirement, and answers
 * all others itself: 400, 401, 403 or 503 with a challenge (RFC 6750). Unexpected errors are thrown on.
 *
 * @throws VerifierError `invalid_options`, at once
 */
export function guard<Rest extends readonly unknown[]>(
  verifier: Verifier,
  ...steps: readonly [...FetchRequirement[], GuardedHandler<Rest>]
): (request: Request, ...rest: Rest) => Promise<Response> {
  const judge = judgeOf(verifier);
  const { requirements, handler } = sortSteps(steps);
  return async (request, ...rest) => {
    const judging = judge(request);
    const judgement = judging instanceof Promise ? await judging : judging;
    if (judgement.kind === "refused") return toResponse(answerTo(judgement.refusal));
    const auth = judgement.token;
    for (const { check } of requirements) {
      const shortfall = findShortfall(auth, check);
      if (shortfall !== undefined) return toResponse(answerTo(shortfall));
    }
    return handler(request, auth, ...rest);
  };
}

/**
 * Demands all of these scopes; requests without are answered 403.
 *
 * @throws VerifierError `invalid_options`, at once
 */
export function requireScope(...scopes: readonly string[]): FetchRequirement {
  return { check: scopeRequirement(scopes) };
}

/** As `requireScope`, for all of these roles. */
export function requireRole(...roles: readonly string[]): FetchRequirement {
  return { check: roleRequirement(roles) };
}

function sortSteps<Rest extends readonly unknown[]>(
  steps: readonly (FetchRequirement | GuardedHandler<Rest>)[],
): { readonly requirements: readonly FetchRequirement[]; readonly handler: GuardedHandler<Rest> } {
  const requirements = steps.filter((step) => typeof step !== "function");
  const [handler, ...others] = steps.filter((step) => typeof step === "function");
  if (handler === undefined || others.length > 0 || !requirements.every((step) => typeof step?.check === "function")) {
    throw new VerifierError(
      "invalid_options",
      "guard: takes a verifier, any requireScope(…) and requireRole(…), and one handler, in this order.",
    );
  }
  return { requirements, handler };
}

function toResponse({ status, headers, body }: RefusalAnswer): Response {
  return new Response(body, { status, headers });
}
