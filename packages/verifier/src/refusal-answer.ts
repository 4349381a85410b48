import { DPOP_ALGORITHMS } from "@latchkey/jwt";
import {
  BOUND_TOKEN_DETAIL,
  DPOP_NONCE_HEADER,
  ERRORS,
  type ErrorAnswer,
  formatChallenge,
  statusAtResource,
} from "@latchkey/protocol";

import { type Refusal, VerifierError } from "./errors.ts";

/** A refusal as HTTP, for any framework to send. */
export interface RefusalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string;
}

/**
 * What to answer when `verify` or `authenticate` threw: status, challenge (RFC 6750 §3) and JSON body, never to be cached. `undefined`
 * for anything but a refusal: that is an error of the program, to be thrown on.
 */
export function refusalAnswer(error: unknown): RefusalAnswer | undefined {
  return error instanceof VerifierError && error.refusal !== undefined ? answerTo(error.refusal) : undefined;
}

/** One sentence per code: who tries tokens learns nothing from it. Of a bound token it is told what it says itself. */
export function answerTo({
  code,
  needsProof,
  scope,
  scheme,
  takesProofs,
  dpopNonce,
  retryAfterSeconds,
}: Refusal): RefusalAnswer {
  const detail = needsProof === true ? BOUND_TOKEN_DETAIL : undefined;
  const description = detail ?? ERRORS[code].description;
  const status = statusAtResource(code);
  const body: ErrorAnswer = { error: code, error_description: description, ...(scope !== undefined && { scope }) };
  const headers: Record<string, string> = {
    "Content-Type": "application/json; charset=utf-8",
    "Cache-Control": "no-store",
  };
  if (code === "unavailable") headers["Retry-After"] = String(retryAfterSeconds ?? 5);
  else if (code !== "origin_not_allowed") {
    headers["WWW-Authenticate"] = formatChallenge({
      code,
      ...(scheme !== undefined && { scheme }),
      ...(detail !== undefined && { detail }),
      ...(scope !== undefined && { scope }),
      ...((scheme === "DPoP" || takesProofs === true) && { dpopAlgorithms: DPOP_ALGORITHMS }),
    });
  }
  if (dpopNonce !== undefined) headers[DPOP_NONCE_HEADER] = dpopNonce;
  return { status, headers, body: JSON.stringify(body) };
}
