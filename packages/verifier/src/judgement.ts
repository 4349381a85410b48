import type { AcceptedToken } from "./check-access-token.ts";
import { type Refusal, VerifierError } from "./errors.ts";
import type { RequestLike } from "./presented-token.ts";
import type { Verifier } from "./verifier.ts";

/** What a request came to. A cause is for the log of the API, where a part of the API's own has failed. */
export type Judgement =
  | Pick<AcceptedToken, "kind" | "token">
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly cause?: unknown };

/**
 * What the guards ask: `authenticate` without an error for each refusal, and without a promise where nothing is waited for, which
 * is nearly always. It throws, or rejects, for errors of the program alone.
 */
export type Judge = (request: RequestLike) => Judgement | Promise<Judgement>;

const judges = new WeakMap<Verifier, Judge>();

export function setJudge(verifier: Verifier, judge: Judge): void {
  judges.set(verifier, judge);
}

/**
 * The judge of a verifier. What a program has made of one, with an `authenticate` of its own, is asked through that. A
 * guard without a verifier is found out when the routes are made, not at the first request.
 *
 * @throws VerifierError `invalid_options`
 */
export function judgeOf(verifier: Verifier): Judge {
  if (typeof verifier?.authenticate !== "function") {
    throw new VerifierError("invalid_options", "guard: needs what createVerifier({ issuer, audience }) returns.");
  }
  return judges.get(verifier) ?? ((request) => judgeBy(verifier, request));
}

async function judgeBy(verifier: Verifier, request: RequestLike): Promise<Judgement> {
  try {
    return { kind: "accepted", token: await verifier.authenticate(request) };
  } catch (error) {
    if (error instanceof VerifierError && error.refusal !== undefined)
      return { kind: "refused", refusal: error.refusal };
    throw error;
  }
}
