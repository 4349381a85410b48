import { randomUUID } from "node:crypto";

import type { IdTokenAlgorithm } from "../domain/oauth-client.ts";
import type { Session } from "../domain/session.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import type { Clock } from "../ports/clock.ts";

/** Not the type of ID tokens, which clients must not take for them, nor these for those (Back-Channel Logout 1.0 §2.4). */
const LOGOUT_TOKEN_TYPE = "logout+jwt";

const LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout";

/** What §2.4 recommends at most, in seconds. */
const LIFETIME_SECONDS = 120;

/**
 * A new logout token (OpenID Connect Back-Channel Logout 1.0 §2.4): tells a client that this session has ended, which its ID
 * tokens name by the same `sid`. It has no nonce, so that nobody takes it for an ID token.
 *
 * @throws AuthError `unavailable` where it cannot be signed
 */
export async function issueLogoutToken(
  { userId, clientId, id }: Pick<Session, "userId" | "clientId" | "id">,
  {
    issuer,
    keyRing,
    alg,
    clock,
  }: {
    readonly issuer: string;
    readonly keyRing: Pick<KeyRing, "signingKeyFor">;
    /** That of the client's ID tokens. */
    readonly alg: IdTokenAlgorithm;
    readonly clock: Clock;
  },
): Promise<string> {
  const now = clock();
  const claims = {
    iss: issuer,
    aud: clientId,
    iat: now,
    exp: now + LIFETIME_SECONDS,
    jti: randomUUID(),
    sub: userId,
    sid: id,
    events: { [LOGOUT_EVENT]: {} },
  };
  return keyRing.signingKeyFor(alg).sign(claims, { typ: LOGOUT_TOKEN_TYPE });
}
