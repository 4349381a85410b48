import type { SessionAnswer, UserAnswer } from "@latchkey/protocol";

/** Who is signed in. Holds no token. */
export interface Session {
  readonly id: string;
  readonly user: UserAnswer;
  /** Space-delimited (RFC 6749 §3.3). */
  readonly scope: string;
  /** How often the session has been refreshed, where that can be read. */
  readonly generation: number | undefined;
}

/** What a session answer must hold for a client to use it. */
export type UsableAnswer = Pick<SessionAnswer, "access_token" | "expires_in" | "scope" | "session_id" | "user"> & {
  readonly token_type: "Bearer";
};

/**
 * Reads a session answer that came from outside (the network, another tab). `undefined` unless it can be used. Keeps
 * nothing it does not know: a refresh token that strayed into it is dropped here.
 */
export function parseSessionAnswer(value: unknown): UsableAnswer | undefined {
  if (!isRecord(value)) return undefined;
  const { access_token, token_type, expires_in, scope, session_id, user } = value;
  if (typeof access_token !== "string" || access_token === "") return undefined;
  // A bound token cannot be used without its key: proofs are not made here yet.
  if (token_type !== "Bearer") return undefined;
  if (typeof expires_in !== "number" || !(expires_in > 0)) return undefined;
  if (typeof scope !== "string" || typeof session_id !== "string" || !isUser(user)) return undefined;
  return { access_token, token_type, expires_in, scope, session_id, user };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

export function isUser(value: unknown): value is UserAnswer {
  return isRecord(value) && typeof value["id"] === "string" && typeof value["email"] === "string";
}
