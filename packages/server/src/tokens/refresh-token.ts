import { createJwtVerifier, JwtError, signJwt } from "@latchkey/jwt";
import { REFRESH_TOKEN_TYPE } from "@latchkey/protocol";

import type { RefreshState } from "../domain/session.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import type { Clock } from "../ports/clock.ts";
import { readBinding } from "./binding.ts";

/** What an authentic refresh token says. */
export interface RefreshTokenContent {
  readonly sessionId: string;
  readonly generation: number;
  readonly secret: string;
  /** The thumbprint of the key it must be used with, if it is bound to one. */
  readonly jkt: string | null;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

export interface RefreshTokens {
  /**
   * The live refresh token of a session: `typ: rt+jwt`, signed with a key only the authority has. All but the secret
   * comes from the row, the key by the time in it, so the same row and secret give the same bytes, which is what makes a
   * retry idempotent.
   */
  issue(session: RefreshState, secret: string): string;
  /**
   * Reads a token; `undefined` for anything that is not an authentic, unexpired refresh token of this authority.
   *
   * @throws AuthError `unavailable` where its key is not known, and cannot be looked for
   */
  read(token: string): Promise<RefreshTokenContent | undefined>;
  /** The same of a token whose time may be over, and whose key is known: for what may be done about its session then. */
  readExpired(token: string): RefreshTokenContent | undefined;
}

export function createRefreshTokens(options: {
  readonly issuer: string;
  readonly keyRing: Pick<KeyRing, "refreshKeys" | "learn">;
  readonly clock: Clock;
}): RefreshTokens {
  const { issuer, keyRing } = options;
  const { refreshKeys } = keyRing;
  const verifierAt = (clock: Clock): ReturnType<typeof createJwtVerifier> =>
    createJwtVerifier({
      typ: REFRESH_TOKEN_TYPE,
      issuer,
      audience: issuer,
      requiredClaims: ["sid", "gen", "jti"],
      leewaySeconds: 0,
      // A clock that was set back, here or on another node, must not sign everybody out: the MAC proves that we made it.
      futureIssuedAt: "accept",
      clock,
      keys: ({ kid }) => (kid === undefined ? undefined : refreshKeys.find(kid)?.verificationKey),
    });

  const verifyNow = verifierAt(options.clock);
  // At this time none has expired.
  const verifyAnyTime = verifierAt(() => 0);

  const parse = (verify: typeof verifyNow, token: string): RefreshTokenContent | "unknown key" | undefined => {
    try {
      const { claims } = verify(token);
      const { sid, gen, jti, exp } = claims;
      const jkt = readBinding(claims);
      if (typeof sid !== "string" || typeof jti !== "string" || jkt === undefined) return undefined;
      if (typeof gen !== "number" || !Number.isSafeInteger(gen) || gen < 0) return undefined;
      return { sessionId: sid, generation: gen, secret: jti, jkt, expiresAt: exp };
    } catch (error) {
      if (!(error instanceof JwtError)) throw error;
      return error.code === "unknown_key" ? "unknown key" : undefined;
    }
  };

  return {
    issue: (session, secret) =>
      signJwt(
        {
          iss: issuer,
          aud: issuer,
          sid: session.id,
          gen: session.generation,
          iat: session.rotatedAt,
          exp: session.idleExpiresAt,
          jti: secret,
          ...(session.jkt !== null && { cnf: { jkt: session.jkt } }),
        },
        refreshKeys.at(session.rotatedAt).signingKey,
        { typ: REFRESH_TOKEN_TYPE },
      ),

    async read(token) {
      const content = parse(verifyNow, token);
      if (content !== "unknown key") return content;
      const known = (await keyRing.learn(token)) ? parse(verifyNow, token) : undefined;
      return known === "unknown key" ? undefined : known;
    },

    readExpired(token) {
      const content = parse(verifyAnyTime, token);
      return content === "unknown key" ? undefined : content;
    },
  };
}
