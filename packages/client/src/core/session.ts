import type { SessionAnswer, UserAnswer } from "@latchkey/protocol";

/** Who is signed in. Holds no token. */
export interface Session {
  readonly id: string;
  readonly user: UserAnswer;
  /** Space-delimited (RFC 6749 §3.3). */
  readonly scope: string;
  /** How often the session has been refreshed, where that can be read. */
  readonly generation: number | undefined;
  /** Whether its tokens are bound to a key (DPoP, RFC 9449): of no use to who has a copy of them and not the key. */
  readonly bound: boolean;
}

/** What a session answer must hold for a client to use it. */
export type UsableAnswer = AccessToken & Pick<SessionAnswer, "expires_in" | "scope" | "session_id" | "user">;

/** An access token, and the scheme it is sent by. */
export type AccessToken = Pick<SessionAnswer, "access_token" | "token_type">;

/**
 * Reads a session answer that came from outside (the network, another tab). `undefined` unless it can be used. Keeps
 * nothing it does not know: a refresh token that strayed into it is dropped here.
 */
export function parseSessionAnswer(value: unknown): UsableAnswer | undefined {
  if (!isRecord(value)) return undefined;
  const { access_token, token_type, expires_in, scope, session_id, user } = value;
  if (typeof access_token !== "string" || access_token === "") return undefined;
  if (token_type !== "Bearer" && token_type !== "DPoP") return undefined;
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
