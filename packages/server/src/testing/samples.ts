import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import type { AuthEvent } from "../domain/event.ts";
import type { RevocationReason, Session } from "../domain/session.ts";
import type { Account } from "../ports/account-store.ts";
import type { RecordedEvent } from "../ports/event-log.ts";
import type { SessionBackend, Store } from "../ports/store.ts";
import type { SessionRotation } from "../ports/session-store.ts";

/** The time of all samples, in seconds since 1970: past 2038, where 32 bits end. */
export const NOW = 2_200_000_000;

const ORIGIN = { ip: "192.0.2.7", userAgent: "contract suite" };

export function sampleId(): string {
  return randomBytes(16).toString("base64url");
}

function sampleHash(): string {
  return randomBytes(32).toString("base64url");
}

export function sampleSession(changes: Partial<Session> = {}): Session {
  return {
    id: sampleId(),
    userId: sampleId(),
    clientId: "first-party",
    audience: "https://api.example.com",
    scope: "read write",
    createdAt: NOW,
    authTime: NOW,
    amr: ["pwd"],
    acr: "aal1",
    persistent: true,
    device: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ip: "2001:db8::7",
    place: "DE-BE",
    jkt: null,
    generation: 0,
    secretHash: sampleHash(),
    attempts: [],
    attemptKeysUsed: false,
    rotatedAt: NOW,
    idleExpiresAt: NOW + 1_000,
    expiresAt: NOW + 9_000,
    revokedAt: null,
    ...changes,
  };
}

export function sampleAccount(changes: Partial<Account["user"]> = {}): Account {
  const id = sampleId();
  return {
    user: {
      id,
      email: `${id.toLowerCase()}@example.com`,
      name: "Sam Ple",
      emailVerified: false,
      roles: [],
      createdAt: NOW,
      claimsEpoch: 0,
      disabledAt: null,
      ...changes,
    },
    passwordHash: `$argon2id$v=19$m=19456,t=2,p=1$${sampleHash()}`,
  };
}

/** The rotation that follows this state of a session, with a successor of its own each time it is asked for. */
export function sampleRotation(session: Session): SessionRotation {
  const generation = session.generation + 1;
  return {
    sessionId: session.id,
    expected: { generation: session.generation, secretHash: session.secretHash },
    next: {
      generation,
      secretHash: sampleHash(),
      attempts: [...session.attempts, { generation: session.generation, keyHashes: [sampleHash().slice(0, 22)] }].slice(
        -8,
      ),
      attemptKeysUsed: true,
      rotatedAt: NOW + generation,
      idleExpiresAt: NOW + 1_000 + generation,
    },
  };
}

export function signedIn(session: Session): AuthEvent {
  return { type: "signed_in", userId: session.userId, sessionId: session.id, at: NOW, origin: ORIGIN };
}

export function rolledForward(session: Session): AuthEvent {
  return { type: "refresh_rolled_forward", userId: session.userId, sessionId: session.id, at: NOW, origin: ORIGIN };
}

export function sessionRevoked(session: Session, reason: RevocationReason = "signed_out"): AuthEvent {
  return { type: "session_revoked", userId: session.userId, sessionId: session.id, reason, at: NOW, origin: ORIGIN };
}

export function userSessionsRevoked(userId: string, keptSessionId: string | null): AuthEvent {
  const reason = "signed_out_everywhere";
  return { type: "user_sessions_revoked", userId, keptSessionId, reason, at: NOW, origin: ORIGIN };
}

export function signInFailed(userId: string | null): AuthEvent {
  return { type: "sign_in_failed", userId, at: NOW, origin: ORIGIN };
}

export function userEvent(
  type:
    | "user_signed_up"
    | "user_imported"
    | "email_verified"
    | "email_changed"
    | "roles_changed"
    | "claims_changed"
    | "account_disabled"
    | "account_enabled"
    | "account_deleted",
  userId: string,
): AuthEvent {
  return { type, userId, at: NOW, origin: ORIGIN };
}

export function passwordChanged(userId: string, keptSessionId: string): AuthEvent {
  return { type: "password_changed", userId, keptSessionId, at: NOW, origin: ORIGIN };
}

/** Creates the session with its event, and answers it. */
export async function create(store: SessionBackend, changes: Partial<Session> = {}): Promise<Session> {
  const session = sampleSession(changes);
  await store.sessions.createSession(session, signedIn(session));
  return session;
}

/**
 * All events after a sequence number, in the log's order, as they were appended. A store in two parts may record apart
 * which sessions a change of an account ended: those records are left out.
 */
export async function eventsAfter(store: SessionBackend, after: number): Promise<readonly AuthEvent[]> {
  const recorded = await store.events.listEvents(after, 10_000);
  return recorded.filter((event) => !isEndingOfAccountChange(event)).map(asAppended);
}

export function asAppended(recorded: RecordedEvent): AuthEvent {
  const {
    sequence: _sequence,
    endedSessionIds: _ended,
    endedApiTokens: _tokens,
    claimsEpoch: _epoch,
    ...event
  } = recorded;
  return event;
}

function isEndingOfAccountChange(event: RecordedEvent): boolean {
  if (event.type !== "user_sessions_revoked") return false;
  return event.reason === "password_changed" || event.reason === "account_deleted";
}

/** The sessions that ended after a sequence number, by what the log says. */
export async function endedAfter(store: SessionBackend, after: number): Promise<readonly string[]> {
  const recorded = await store.events.listEvents(after, 10_000);
  return recorded
    .flatMap((event) => (event.type === "session_revoked" ? [event.sessionId] : (event.endedSessionIds ?? [])))
    .toSorted();
}

/** The number of the newest event; 0 in an empty log. */
export async function lastSequence(store: SessionBackend): Promise<number> {
  const recorded = await store.events.listEvents(0, 10_000);
  return recorded.at(-1)?.sequence ?? 0;
}

/** Text that is well-formed Unicode and breaks whoever believes that text is ASCII, or ends at a NUL. */
export const AWKWARD_TEXTS: readonly string[] = [
  "",
  "\0",
  "before\0after",
  "\u0001\u00010\u0000\u0001",
  "Ünïcødé ẞ 名前 العربية 👩‍👩‍👧‍👦",
  "e\u0301 is not \u00E9",
  "'; DROP TABLE session; --",
  'quote " backslash \\ percent % dollar $1 question ? colon :id brace {}',
  "line\r\nfeed\ttab\u2028separator",
  "\uFEFF\uFFFF",
  "null",
  "x".repeat(1_000_000),
];

export async function signUp(store: Store, changes: Partial<Account["user"]> = {}): Promise<Account> {
  const account = sampleAccount(changes);
  assert.equal(await store.accounts.createAccount(account, userEvent("user_signed_up", account.user.id)), true);
  return account;
}
