import type { Session } from "../../domain/session.ts";
import type { SessionRotation } from "../../ports/session-store.ts";

/**
 * A session as a hash of few fields. What never changes is one of them, and what scripts need not look into another: Redis
 * pays for each field, and more for long ones.
 */
export const SESSION_FIELDS = [
  "user_id",
  "terms",
  "generation",
  "secret_hash",
  "state",
  "revoked_at",
  "seen",
  "jkt",
] as const;

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
  const { clientId, audience, scope, createdAt, authTime, amr, acr, persistent, device, ip, place, jkt, expiresAt } =
    session;
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
    place,
    jkt,
    expiresAt,
  };
  return JSON.stringify(terms);
}

/** What a rotation has changed of the terms after all, as a field of its own: most sessions never have it. */
export function seenText(seen: SessionRotation["seen"]): string {
  return seen === undefined ? "" : JSON.stringify(seen);
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

export function sessionOf(id: string, hash: SessionHash): Session {
  const [userId, terms, generation, secretHash, state, revokedAt, seen, jkt] = hash;
  const { attempts, ...times } = JSON.parse(String(state)) as StoredState;
  // Sessions that began before places were kept have none.
  const begun = JSON.parse(String(terms)) as Omit<Terms, "place"> & Partial<Pick<Terms, "place">>;
  const last = seen === null || seen === undefined ? begun : (JSON.parse(seen) as typeof begun);
  return {
    ...begun,
    device: last.device,
    place: last.place || null,
    // Of a session that was bound when its code was redeemed.
    jkt: jkt ?? begun.jkt,
    ...times,
    id,
    userId: String(userId),
    generation: Number(generation),
    secretHash: String(secretHash),
    attempts: attempts.map(([ofGeneration, ...keyHashes]) => ({ generation: ofGeneration, keyHashes })),
    revokedAt: revokedAt === null || revokedAt === undefined ? null : Number(revokedAt),
  };
}
