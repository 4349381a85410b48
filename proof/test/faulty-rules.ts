import type { PresentedRefresh, RefreshState, RefreshVerdict } from "@latchkey/server/domain";
import { judgeRefresh, rememberAttempts } from "@latchkey/server/domain";

import type { JudgeRefresh } from "../model/protocol.ts";

/*
 * Rules of other systems, and of Latchkey's own past, each made of the sound one by changing one thing. They read the live
 * secret from its hash, which in the model is its name: a rule that answers a retry needs it from somewhere.
 */

/** Keycloak, ZITADEL, oidc-provider: a used token is a stolen one. */
export const strictRotation: JudgeRefresh = (session, presented, options) => {
  const verdict = judgeRefresh(session, presented, options);
  return verdict.kind === "retry" || verdict.kind === "superseded" ? { kind: "reuse" } : verdict;
};

/** Auth0, Okta: the predecessor is good for so long, whoever shows it, and no longer. */
export const windowOf =
  (ticks: number): JudgeRefresh =>
  (session, presented, options) => {
    const verdict = strictRotation(session, presented, options);
    const isOpen = session !== undefined && options.now - session.rotatedAt <= ticks;
    return verdict.kind === "reuse" && isOpen && isPredecessor(session, presented) ? liveToken(session) : verdict;
  };

/** Supabase: the parent of the live token is always accepted. */
export const parentAccepted: JudgeRefresh = windowOf(Infinity);

/** The successor depends on the token alone; retries are told by the keys the row remembers. */
export const unboundSuccessor: JudgeRefresh = (session, presented, options) => {
  const { scheme } = options;
  const unbound = {
    ...scheme,
    derive: (from: { secret: string }, next: Parameters<typeof scheme.derive>[1]) =>
      scheme.derive(from, { ...next, attempt: "" }),
  };
  const verdict = judgeRefresh(session, presented, { ...options, scheme: unbound });
  if (verdict.kind !== "retry" || session === undefined) return verdict;
  const hashes = presented.attemptKeys.slice(0, 1).map((key) => scheme.hashAttempt(key));
  const known = session.attempts.find(({ generation }) => generation === presented.generation)?.keyHashes ?? [];
  return hashes.some((hash) => known.includes(hash)) ? verdict : { kind: "reuse" };
};

/** Only the newest of the sent keys counts, and is remembered. */
export const newestKeyAlone: JudgeRefresh = (session, presented, options) => {
  const isAhead = session !== undefined && presented.generation > session.generation;
  const attemptKeys = isAhead ? presented.attemptKeys : presented.attemptKeys.slice(0, 1);
  return judgeRefresh(session, { ...presented, attemptKeys }, options);
};

/** Any sent key exchanges the token, and tells a retry: whatever it was used for, and whatever it says of itself. */
export const anySentKey: JudgeRefresh = (session, presented, options) => {
  const nameless = { ...presented, attemptKeys: presented.attemptKeys.map((key) => key.replace(/^gen-\d+-/, "")) };
  const verdict = judgeRefresh(session, nameless, options);
  if (session === undefined || nameless.generation > session.generation) return verdict;
  const unlearnt = judgeRefresh({ ...session, attempts: [] }, nameless, options);
  if (unlearnt.kind !== "rotate") return unlearnt.kind === "retry" ? unlearnt : verdict;
  const hashes = nameless.attemptKeys.map((key) => options.scheme.hashAttempt(key));
  const attempts = rememberAttempts(session.attempts, nameless.generation, hashes);
  return { ...unlearnt, next: { ...unlearnt.next, attempts } };
};

/** The window counts for every session that has not used keys yet, even for a request that brings some. */
export const windowBesideKeys: JudgeRefresh = (session, presented, options) => {
  const verdict = judgeRefresh(session, presented, options);
  const retry = judgeRefresh(session, { ...presented, attemptKeys: [] }, options);
  return verdict.kind === "reuse" && retry.kind === "retry" ? retry : verdict;
};

/** Any sent key that the row remembers for the token makes a late duplicate, even behind a newer one. */
export const anyRememberedKey: JudgeRefresh = (session, presented, options) => {
  const verdict = judgeRefresh(session, presented, options);
  if (verdict.kind !== "reuse") return verdict;
  const older = judgeRefresh(session, { ...presented, attemptKeys: presented.attemptKeys.slice(1) }, options);
  return older.kind === "superseded" ? older : verdict;
};

/** The proof of possession is not looked at. */
export const anyKeyProves: JudgeRefresh = (session, presented, options) =>
  judgeRefresh(session, { ...presented, provenJkt: session?.jkt ?? null }, options);

function isPredecessor(session: RefreshState, presented: PresentedRefresh): boolean {
  return presented.generation === session.generation - 1;
}

function liveToken(session: RefreshState): RefreshVerdict {
  return { kind: "retry", secret: session.secretHash.slice(1) };
}
