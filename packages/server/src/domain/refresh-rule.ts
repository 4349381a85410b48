import { parseAttemptKeyGeneration } from "@latchkey/protocol";

import type { AttemptMemory } from "./attempt-memory.ts";
import { isOfAnotherGeneration, isRemembered, rememberAttempts } from "./attempt-memory.ts";
import type { RefreshState } from "./session.ts";

/**
 * What a refresh presents, once its refresh token has been found authentic (signed by this authority, not expired).
 */
export interface PresentedRefresh {
  readonly sessionId: string;
  /** The clients this request may speak for: the authenticated one, or the first-party ones. */
  readonly clientIds: readonly string[];
  /** The number of the presented refresh token… */
  readonly generation: number;
  /** …its secret… */
  readonly secret: string;
  /** …and its own expiry, in seconds since 1970. */
  readonly expiresAt: number;
  /** The client's last few attempt keys, newest first. */
  readonly attemptKeys: readonly string[];
  /** The thumbprint of the key that a fresh proof of possession was made with (RFC 9449), if there was one. */
  readonly provenJkt: string | null;
}

/** How secrets are hashed and derived. Pure; the explorer of the protocol passes a symbolic one. */
export interface SecretScheme {
  hash(secret: string): string;
  hashAttempt(key: string): string;
  /** The secret of `generation`, from its predecessor's and the attempt that asks for it (empty for none). */
  derive(predecessor: { readonly secret: string }, next: NextSecret): string;
}

export interface NextSecret {
  readonly sessionId: string;
  readonly generation: number;
  readonly attempt: string;
}

export interface RefreshRuleOptions {
  readonly scheme: SecretScheme;
  /** Seconds since 1970. */
  readonly now: number;
  /** For a client with neither attempt keys nor proofs: how long a repeated request counts as a retry. */
  readonly retryWindowSeconds: number;
  /**
   * Until when the session's secrets were derived with a key that has been revoked since, and so with another one than
   * `scheme` has; seconds since 1970. A successor of before cannot be derived again.
   */
  readonly underivableUntil?: number | undefined;
}

export type RefreshVerdict =
  /** The session cannot be refreshed. The cause is for the audit log, never for the answer. */
  | {
      readonly kind: "refuse";
      readonly cause: "unknown" | "revoked" | "expired" | "wrong_client" | "wrong_key" | "key_revoked";
    }
  /** Exchange the token: compare-and-set the row to `next`. */
  | { readonly kind: "rotate"; readonly next: NextGeneration; readonly rolledForward: boolean }
  /** The same exchange asked again: answer with the live token once more. */
  | { readonly kind: "retry"; readonly secret: string }
  /** A late duplicate, or a request prepared for another generation: nothing issued, nothing revoked. */
  | { readonly kind: "superseded" }
  /** Somebody else used, or uses, a copy: revoke the session. */
  | { readonly kind: "reuse" };

/** What a rotation writes, apart from times. */
export interface NextGeneration {
  readonly generation: number;
  readonly secret: string;
  readonly attempts: AttemptMemory;
  readonly attemptKeysUsed: boolean;
}

/**
 * What should happen to this refresh token? The whole rule, and the only place it stands: pure, so that it can be
 * explored exhaustively. The table it implements, and what it guarantees, are in docs/session-protocol.md.
 */
export function judgeRefresh(
  session: RefreshState | undefined,
  presented: PresentedRefresh,
  options: RefreshRuleOptions,
): RefreshVerdict {
  const { scheme, now } = options;
  if (session === undefined) return { kind: "refuse", cause: "unknown" };
  if (session.revokedAt !== null) return { kind: "refuse", cause: "revoked" };
  if (!presented.clientIds.includes(session.clientId)) return { kind: "refuse", cause: "wrong_client" };
  if (session.jkt !== null && session.jkt !== presented.provenJkt) return { kind: "refuse", cause: "wrong_key" };

  // A row that lost its last writes also lost its last idle limit: the authentic token still says which it was.
  const ahead = presented.generation > session.generation;
  const idleExpiresAt = ahead ? presented.expiresAt : session.idleExpiresAt;
  if (now >= idleExpiresAt || now >= session.expiresAt) return { kind: "refuse", cause: "expired" };

  if (presented.generation >= session.generation) {
    // Same number, other secret: a crash forgot a rotation, and two holders went on from the same token. Two branches.
    if (!ahead && scheme.hash(presented.secret) !== session.secretHash) return { kind: "reuse" };
    // A new exchange has a new key. An old one is in every copy of the client's store: a thief who exchanged the token with
    // it would hold the very successor that the client, who still sends that key too, is then given as a retry's.
    const [newest] = presented.attemptKeys;
    if (newest !== undefined && !speakingKeys(session, presented, scheme).includes(newest))
      return { kind: "superseded" };
    const next = ahead ? continueFrom(session, presented, scheme) : exchange(session, presented, scheme);
    return { kind: "rotate", next, rolledForward: ahead };
  }

  const liveSecret = rederiveLiveSecret(session, presented, options);
  if (liveSecret !== undefined) return { kind: "retry", secret: liveSecret };

  const keyHashes = identifyingKeys(session, presented, scheme).map((key) => scheme.hashAttempt(key));
  const isKnown = isRemembered(session.attempts, presented.generation, keyHashes);
  // A retry that no longer proves itself is no thief's for that, and can be given nothing any more.
  if (isUnderivable(session, presented, options, isKnown)) return { kind: "refuse", cause: "key_revoked" };
  return isKnown ? { kind: "superseded" } : { kind: "reuse" };
}

/** Whether this would be a retry, as far as can be told, had its key not been revoked. */
function isUnderivable(
  session: RefreshState,
  presented: PresentedRefresh,
  options: RefreshRuleOptions,
  isKnown: boolean,
): boolean {
  const { underivableUntil } = options;
  if (underivableUntil === undefined) return false;
  if (session.jkt !== null) return true;
  if (presented.generation !== session.generation - 1 || session.rotatedAt > underivableUntil) return false;
  return isKnown || isWindowOpen(session, presented, options);
}

/**
 * The presented keys that tell a late duplicate from a thief's request. A client makes one key that names a generation. A
 * second, newer one says that it was told to wait under the first, and that nothing came: somebody else has gone on from
 * its token. So the newest counts alone.
 */
function identifyingKeys(session: RefreshState, presented: PresentedRefresh, scheme: SecretScheme): readonly string[] {
  const keys = speakingKeys(session, presented, scheme);
  const isNamed = keys[0] !== undefined && parseAttemptKeyGeneration(keys[0]) !== undefined;
  return isNamed ? keys.slice(0, 1) : keys;
}

/**
 * The presented keys that may name an attempt on the presented token. A key that names its generation counts for that one
 * alone; any other, for the one it was first used on.
 */
function speakingKeys(session: RefreshState, presented: PresentedRefresh, scheme: SecretScheme): readonly string[] {
  return presented.attemptKeys.filter((key) => {
    const named = parseAttemptKeyGeneration(key);
    if (named !== undefined) return named === presented.generation;
    return !isOfAnotherGeneration(session.attempts, presented.generation, scheme.hashAttempt(key));
  });
}

/** The ordinary rotation: the live token is exchanged for its successor. */
function exchange(session: RefreshState, presented: PresentedRefresh, scheme: SecretScheme): NextGeneration {
  const keyHashes = speakingKeys(session, presented, scheme).map((key) => scheme.hashAttempt(key));
  return {
    ...successor(session, presented, scheme),
    attempts: rememberAttempts(session.attempts, presented.generation, keyHashes),
  };
}

/**
 * Rolling forward: the token is authentic and ahead of the row, so the store lost its last writes. The client's last
 * keys exchanged the generations they name, or, newest first, the last ones in turn; what the row forgot is learnt again.
 */
function continueFrom(session: RefreshState, presented: PresentedRefresh, scheme: SecretScheme): NextGeneration {
  const attempts = presented.attemptKeys.reduce<AttemptMemory>((memory, key, age) => {
    const generation = parseAttemptKeyGeneration(key) ?? presented.generation - age;
    return generation < 0 ? memory : rememberAttempts(memory, generation, [scheme.hashAttempt(key)]);
  }, session.attempts);
  return { ...successor(session, presented, scheme), attempts };
}

function successor(
  session: RefreshState,
  presented: PresentedRefresh,
  scheme: SecretScheme,
): Omit<NextGeneration, "attempts"> {
  const generation = presented.generation + 1;
  const attempt = session.jkt ?? presented.attemptKeys[0] ?? "";
  return {
    generation,
    secret: scheme.derive(presented, { sessionId: session.id, generation, attempt }),
    attemptKeysUsed: session.attemptKeysUsed || presented.attemptKeys.length > 0,
  };
}

/**
 * By how many generations a bound session may catch up: two weeks of refreshes every ten minutes. Nothing else is answered while they
 * are derived, and whoever has a session rotates it as often as they like.
 */
const MAX_CATCH_UP = 2_000;

/**
 * A retry proves itself: from the presented secret and its attempt, the live secret can be derived again. Which attempts
 * may be tried depends on what the session has shown it can do, never on what this request says of itself.
 */
function rederiveLiveSecret(
  session: RefreshState,
  presented: PresentedRefresh,
  options: RefreshRuleOptions,
): string | undefined {
  const { scheme } = options;
  if (session.jkt !== null) {
    // The proof stands for the client itself, so any earlier generation may catch up.
    if (session.generation - presented.generation > MAX_CATCH_UP) return undefined;
    let secret = presented.secret;
    for (let generation = presented.generation + 1; generation <= session.generation; generation++) {
      secret = scheme.derive({ secret }, { sessionId: session.id, generation, attempt: session.jkt });
    }
    return scheme.hash(secret) === session.secretHash ? secret : undefined;
  }
  if (presented.generation !== session.generation - 1) return undefined;
  const attempts = isWindowOpen(session, presented, options) ? [""] : speakingKeys(session, presented, scheme);
  return attempts
    .map((attempt) => scheme.derive(presented, { sessionId: session.id, generation: session.generation, attempt }))
    .find((secret) => scheme.hash(secret) === session.secretHash);
}

/**
 * Time alone speaks for clients that have nothing else, and never for a request that carries keys. A clock that was set back
 * does not hold the window open.
 */
function isWindowOpen(
  session: RefreshState,
  { attemptKeys }: PresentedRefresh,
  { now, retryWindowSeconds }: RefreshRuleOptions,
): boolean {
  if (attemptKeys.length > 0 || session.attemptKeysUsed || retryWindowSeconds <= 0) return false;
  return Math.abs(now - session.rotatedAt) <= retryWindowSeconds;
}
