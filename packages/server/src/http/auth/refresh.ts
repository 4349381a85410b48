import { AuthError } from "../../errors.ts";
import { refresh } from "../../flows/refresh.ts";
import { sessionAnswer } from "../answers.ts";
import type { Exchange } from "../exchange.ts";
import { readAttemptKeys, readPresentedRefreshToken } from "../presented-refresh.ts";

/**
 * Refuses without clearing cookies: a late answer about an old session must not wipe the cookies of the one that another
 * tab has begun meanwhile. The client clears what it knows to be dead.
 */
export async function postRefresh(exchange: Exchange): Promise<Response> {
  const { transport, refreshToken } = await readPresentedRefreshToken(exchange);
  const attemptKeys = readAttemptKeys(exchange, transport);
  if (refreshToken === undefined) throw new AuthError("missing_token");
  const grant = await refresh(exchange.http, {
    refreshToken,
    attemptKeys,
    clientIds: exchange.http.policy.clientIds,
    origin: exchange.origin,
  });
  return sessionAnswer(exchange.http, grant, transport);
}
