import type { Transport } from "@latchkey/protocol";
import {
  ATTEMPT_HEADER,
  CSRF_HEADER,
  IDEMPOTENCY_KEY_HEADER,
  isAttemptKey,
  MAX_ATTEMPT_KEYS,
  parseAttemptKeys,
} from "@latchkey/protocol";
import { z } from "zod";

import { AuthError } from "../errors.ts";
import { readCookie } from "./cookies.ts";
import type { Exchange } from "./exchange.ts";
import { optionalJsonBody } from "./request-body.ts";
import type { RequestBody } from "./request-body.ts";
import { requireAllowedOrigin } from "./trusted-origin.ts";

/** A refresh token, and how it came. */
export interface PresentedRefreshToken {
  readonly transport: Transport;
  /** `undefined` where a browser sent no refresh cookie. */
  readonly refreshToken: string | undefined;
  /**
   * By cookie transport, where the page prepared this request for another generation than the cookie that came with it:
   * the CSRF token that goes with the cookie.
   */
  readonly overtakenBy?: string;
}

interface PresentedBody {
  readonly refresh_token?: string | undefined;
}

export const presentedBody: RequestBody<PresentedBody> = optionalJsonBody(
  z.strictObject({ refresh_token: z.string().min(1).max(4096).optional() }),
);

/**
 * Finds the refresh token of a request: in the body, else in the cookie. What comes by one way never meets the other, and a
 * cookie counts only with an allowed origin and the CSRF token of its session.
 */
export async function readPresentedRefreshToken(
  exchange: Exchange,
  body: PresentedBody,
): Promise<PresentedRefreshToken> {
  if (body.refresh_token !== undefined) return { transport: "body", refreshToken: body.refresh_token };

  const refreshToken = readCookie(exchange.request, exchange.http.cookies.names.refresh);
  if (refreshToken === undefined && !exchange.request.headers.has("origin")) throw new AuthError("missing_token");
  requireAllowedOrigin(exchange);
  if (refreshToken === undefined) return { transport: "cookie", refreshToken };

  const token = await exchange.http.refreshTokens.read(refreshToken);
  // A token that names no session of ours has nothing to protect; the flow refuses it by itself.
  if (token === undefined) return { transport: "cookie", refreshToken };
  const { csrfTokens } = exchange.http;
  const preparedFor = csrfTokens.read(exchange.request.headers.get(CSRF_HEADER), token.sessionId);
  if (preparedFor === undefined) throw new AuthError("csrf_failed");
  return {
    transport: "cookie",
    refreshToken,
    ...(preparedFor !== token.generation && { overtakenBy: csrfTokens.issue(token.sessionId, token.generation) }),
  };
}

/**
 * The attempt keys of a refresh, newest first: from the header, from the cookie (by cookie transport), or a lone
 * `Idempotency-Key`, bare or quoted as a structured field.
 */
export function readAttemptKeys({ request, http }: Exchange, transport: Transport): readonly string[] {
  const header = request.headers.get(ATTEMPT_HEADER);
  if (header !== null) return parsedKeys(header, ATTEMPT_HEADER);

  const cookie = transport === "cookie" ? readCookie(request, http.cookies.names.attempt) : undefined;
  if (cookie !== undefined && cookie !== "") return parsedKeys(cookie, http.cookies.names.attempt);

  const lone = request.headers.get(IDEMPOTENCY_KEY_HEADER)?.replace(/^"(.*)"$/, "$1");
  if (lone === undefined) return [];
  if (!isAttemptKey(lone)) throw malformedKeys(IDEMPOTENCY_KEY_HEADER, "one key");
  return [lone];
}

function parsedKeys(text: string, field: string): readonly string[] {
  const keys = parseAttemptKeys(text);
  if (keys === undefined) throw malformedKeys(field, `up to ${MAX_ATTEMPT_KEYS} different keys`);
  return keys;
}

function malformedKeys(field: string, expected: string): AuthError {
  return new AuthError("invalid_request", {
    description: `${field}: must hold ${expected} of 16 to 128 characters of A-Z a-z 0-9 _ -.`,
  });
}
