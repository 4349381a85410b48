import { AuthError } from "../../errors.ts";
import { refresh } from "../../flows/refresh.ts";
import { errorAnswer, sessionAnswer, withCookies } from "../answers.ts";
import { csrfCookie } from "../cookies.ts";
import { readProof } from "../dpop-proof-header.ts";
import type { Handler } from "../exchange.ts";
import { presentedBody, readAttemptKeys, readPresentedRefreshToken } from "../presented-refresh.ts";
import { taking } from "../request-body.ts";

/**
 * Refuses without clearing cookies: a late answer about an old session must not wipe the cookies of the one that another
 * tab has begun meanwhile. The client clears what it knows to be dead.
 */
export const postRefresh: Handler = taking(presentedBody, async (exchange, readBody) => {
  const { transport, refreshToken, overtakenBy } = await readPresentedRefreshToken(exchange, await readBody());
  const attemptKeys = readAttemptKeys(exchange, transport);
  if (refreshToken === undefined) throw new AuthError("missing_token");
  if (overtakenBy !== undefined) {
    // Another tab's answer reached the jar after this page chose its attempt key: that key is for another generation, and
    // rotating with it could make the right one look like a thief's. The page reads its jar, mended, and asks again.
    return withCookies(errorAnswer(new AuthError("superseded")), [csrfCookie(exchange.http, overtakenBy)]);
  }
  const grant = await refresh(exchange.http, {
    refreshToken,
    attemptKeys,
    proof: readProof(exchange),
    clientIds: exchange.http.policy.clientIds,
    origin: exchange.origin,
  });
  return sessionAnswer(exchange.http, grant, transport);
});
