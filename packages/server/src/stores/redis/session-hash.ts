import type { Session } from "../../domain/session.ts";
import type { SessionRotation } from "../../ports/session-store.ts";

/**
 * A session as a hash of few fields. What never changes is one of them, and what scripts need not look into another: Redis
 * pays for each field, and more for long ones.
 */
export const SESSION_FIELDS = ["user_id", "terms", "generation", "secret_hash", "state", "revoked_at"] as const;

/** What SESSION_FIELDS are in a hash: text, or null where there is no such field. */
export type SessionHash = readonly (string | null)[];

type Terms = Omit<
  Session,
  | "id"
  | "userId"
  | "generation"
  | "secretHash"
  | "attempts"
  | "attemptKeysUsed"
  | "rotatedAt"
  | "idleExpiresAt"
  | "revokedAt"
>;

type State = Pick<Session, "attempts" | "attemptKeysUsed" | "rotatedAt" | "idleExpiresAt">;

/** The state, with attempts as `[generation, hash, …]`: half as long as with names, in the field that grows with use. */
interface StoredState extends Omit<State, "attempts"> {
  readonly attempts: readonly (readonly [number, ...string[]])[];
}

export function termsText(session: Session): string {
  const { clientId, audience, scope, createdAt, authTime, amr, acr, persistent, device, ip, jkt, expiresAt } = session;
  const terms: Terms = {
    clientId,
    audience,
    scope,
    createdAt,
    authTime,
    amr,
    acr,
    persistent,
    device,
    ip,
    jkt,
    expiresAt,
  };
  return JSON.stringify(terms);
}

export function stateText({
  attempts,
  attemptKeysUsed,
  rotatedAt,
  idleExpiresAt,
}: State | SessionRotation["next"]): string {
  const state: StoredState = {
    attempts: attempts.map(({ generation, keyHashes }) => [generation, ...keyHashes]),
    attemptKeysUsed,
    rotatedAt,
    idleExpiresAt,
  };
  return JSON.stringify(state);
}

export function sessionOf(id: string, [userId, terms, generation, secretHash, state, revokedAt]: SessionHash): Session {
  const { attempts, ...times } = JSON.parse(String(state)) as StoredState;
  return {
    ...(JSON.parse(String(terms)) as Terms),
    ...times,
    id,
    userId: String(userId),
    generation: Number(generation),
    secretHash: String(secretHash),
    attempts: attempts.map(([ofGeneration, ...keyHashes]) => ({ generation: ofGeneration, keyHashes })),
    revokedAt: revokedAt === null || revokedAt === undefined ? null : Number(revokedAt),
  };
}
