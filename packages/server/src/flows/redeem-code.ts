import { hash, randomBytes, timingSafeEqual } from "node:crypto";

import { CODE_GENERATION, judgeCode } from "../domain/code-rule.ts";
import type { Origin } from "../domain/event.ts";
import type { OAuthClient } from "../domain/oauth-client.ts";
import type { Session } from "../domain/session.ts";
import { idleExpiry } from "../domain/session.ts";
import { AuthError } from "../errors.ts";
import type { ProofOfPossession } from "../tokens/dpop-proof.ts";
import { hashSecret } from "../tokens/refresh-secret.ts";
import { agreeTerms } from "./agree-terms.ts";
import type { AuthorizationCode } from "./allow-authorization.ts";
import { claimProof } from "./claim-proof.ts";
import type { FlowContext } from "./context.ts";
import { endExpiredSession } from "./end-expired-session.ts";
import type { SessionGrant } from "./session-grant.ts";
import { grantSession } from "./session-grant.ts";

export interface CodeRedemption {
  /** Authentic: sealed by this authority. */
  readonly code: AuthorizationCode;
  /** Who redeems it, once that has been proved as far as the client can. */
  readonly client: OAuthClient;
  readonly codeVerifier: string;
  /** OAuth 2.1 has done without it; what is sent must be right. */
  readonly redirectUri: string | undefined;
  /** The API that the client believes the tokens to be for (RFC 8707). */
  readonly resource: string | undefined;
  readonly proof: ProofOfPossession | undefined;
  readonly origin: Origin;
}

/** Between two looks at the row it moves once: from waiting to redeemed, or to its end. */
const MAX_ROUNDS = 3;

/**
 * Exchanges an authorization code for the first tokens of its session. The row is the code's only state: one compare-and-set moves
 * it on, so that of any number of redemptions, on however many nodes, one begins the session, and all others end it.
 *
 * @throws AuthError `invalid_grant`, whatever is wrong with the code; `invalid_target`; `invalid_dpop_proof` for a proof that has counted before
 */
export async function redeemCode(context: FlowContext, redemption: CodeRedemption): Promise<SessionGrant> {
  const { code, client, resource, proof, origin } = redemption;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    // The clock is read before the row, as in a refresh.
    const asOf = context.clock();
    const found = await context.store.findSessionWithUser(code.sessionId);
    const verdict = judgeCode(found?.session, { clientId: client.id, now: asOf });
    if (found === undefined || verdict.kind === "refuse") {
      if (found !== undefined && verdict.kind === "refuse" && verdict.cause === "expired") {
        await endExpiredSession(context, found.session, origin);
      }
      throw new AuthError("invalid_grant");
    }
    const { session, user } = found;
    // A code alone, as histories and logs have it, ends nothing: what redeemed it was another's (ASVS 10.4.2).
    if (!isRequester(redemption)) throw new AuthError("invalid_grant");
    if (verdict.kind === "reuse") throw await redeemedTwice(context, session, origin);
    if (!isRedeemer(session, redemption)) throw new AuthError("invalid_grant");
    if (resource !== undefined && resource !== session.audience) throw new AuthError("invalid_target");

    if (user === undefined || user.disabledAt !== null) throw new AuthError("invalid_grant");
    const terms = await agreeTerms(context, { user, session, at: "refresh" });
    if (terms === undefined) throw new AuthError("invalid_grant");
    if (round === 0 && proof !== undefined) await claimProof(context, proof);

    const secret = randomBytes(32).toString("base64url");
    const rotatedAt = context.clock();
    const next = {
      generation: CODE_GENERATION + 1,
      attempts: [],
      attemptKeysUsed: false,
      secretHash: hashSecret(secret),
      rotatedAt,
      idleExpiresAt: idleExpiry(rotatedAt, session.expiresAt, context.policy.limits),
    };
    const jkt = session.jkt ?? proof?.jkt ?? null;
    // Made first, and handed out only where the session moves on: if they cannot be signed, nothing has happened.
    const grant = await grantSession(context, {
      user,
      session: { ...session, ...next, jkt },
      secret,
      terms,
      asOf,
      nonce: code.nonce,
    });
    const place = (await context.deviceSignals.locate?.(origin.ip)) ?? "";
    const isRedeemed = await context.store.sessions.redeemSession(
      {
        sessionId: session.id,
        expected: { generation: CODE_GENERATION, secretHash: session.secretHash },
        next,
        jkt,
        // From here on the session is where the client is, and no longer where the user's browser was.
        seen: { device: origin.userAgent ?? "", place },
      },
      { type: "signed_in", userId: user.id, sessionId: session.id, at: rotatedAt, origin },
    );
    if (isRedeemed) return grant;
  }
  throw new AuthError("unavailable", { retryAfterSeconds: 1 });
}

/** Whether this is who asked for the code: who has the verifier of its challenge (RFC 7636 §4.6). */
function isRequester({ code, codeVerifier, redirectUri }: CodeRedemption): boolean {
  if (redirectUri !== undefined && redirectUri !== code.redirectUri) return false;
  const challenge = Buffer.from(hash("sha256", codeVerifier, "base64url"));
  const expected = Buffer.from(code.codeChallenge);
  return challenge.length === expected.length && timingSafeEqual(challenge, expected);
}

/** Whether the session that waits is still the code's, and this its key. */
function isRedeemer(session: Session, { code, proof }: CodeRedemption): boolean {
  return hashSecret(code.secret) === session.secretHash && (session.jkt === null || session.jkt === proof?.jkt);
}

/** Nobody can tell who of the two was meant to have it, so the session ends for both (RFC 6749 §4.1.2). */
async function redeemedTwice(context: FlowContext, session: Session, origin: Origin): Promise<AuthError> {
  const { id: sessionId, userId } = session;
  const at = context.clock();
  const reason = "authorization_code_reuse";
  const revoked = await context.store.sessions.revokeSession(
    { sessionId, at, reason },
    { type: "session_revoked", userId, sessionId, reason, at, origin },
  );
  if (revoked) context.logger.warn({ sessionId, userId }, "an authorization code was used twice: session ended");
  return new AuthError("invalid_grant");
}
