/**
 * `@latchkey/verifier`: protects an API with Latchkey access tokens. `createVerifier` does the verifying; the guards for each
 * framework are at `@latchkey/verifier/express`, `/fastify`, `/hono` and `/fetch`.
 *
 * Reading path: `verifier.ts` → `check-access-token.ts` (what happens to a token, in order) → `key-set.ts` (where keys come
 * from) → `fetch-rounds.ts` (how often the issuer is asked) → `revocation/revocations.ts` (what is known of revocations, and
 * what is made of it) → `feed-follower.ts` (how it is heard) and `revocation-set.ts` (how it is kept).
 *
 * @module
 */
export type { ApiTokenOptions } from "./api-token-options.ts";
export type { AccessCookieOptions } from "./access-cookie.ts";
export type { DpopNonceOptions, DpopOptions } from "./dpop-options.ts";
export { type Refusal, type RefusalCode, type RefusalReason, VerifierError, type VerifierErrorCode } from "./errors.ts";
export type { KeySetFailure, KeySetFailureReason } from "./key-set-failure.ts";
export type { KeySetState, KeySetStatus } from "./key-set.ts";
export type { VerifierOptions } from "./options.ts";
export type { HeadersLike, RequestLike } from "./presented-token.ts";
export { refusalAnswer, type RefusalAnswer } from "./refusal-answer.ts";
export type { FeedFailure, FeedFailureReason } from "./revocation/feed-failure.ts";
export type { RevocationOptions, StalePolicy } from "./revocation/revocation-options.ts";
export type { RevocationState, RevocationStatus } from "./revocation/revocations.ts";
export type { TokenKind, VerifiedAccessToken } from "./verified-access-token.ts";
export type { ProofUse, ReplayStore } from "./replay-store.ts";
export { createVerifier, type Verifier, type VerifierStatus } from "./verifier.ts";
