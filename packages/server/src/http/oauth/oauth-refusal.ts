import type { AuthorizationRefusal } from "../../domain/authorization-request.ts";
import { AuthError } from "../../errors.ts";
import { jsonAnswer } from "../answers.ts";
import type { Answer } from "../exchange.ts";

/** A refusal of an authorization request that was pushed (RFC 9126 §2.3). */
export function oauthRefusal({ error, description }: AuthorizationRefusal): Answer {
  return jsonAnswer(400, { error, error_description: description });
}

/**
 * What a flow of sessions refuses, as the token endpoint says it (RFC 6749 §5.2): whatever is wrong with a code or a refresh token,
 * it is no longer good.
 */
export function asTokenRefusal(error: unknown): unknown {
  const isOver = error instanceof AuthError && OVER.has(error.code);
  return isOver ? new AuthError("invalid_grant", {}, { cause: error }) : error;
}

const OVER: ReadonlySet<string> = new Set<AuthError["code"]>([
  "session_ended",
  "superseded",
  "insufficient_user_authentication",
]);
