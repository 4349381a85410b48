import { isTokenSyntax } from "@latchkey/protocol";

import { type AcceptedToken, createAccessTokenCheck } from "./check-access-token.ts";
import { createProofCheck } from "./check-proof.ts";
import { type Refusal, refusalError, VerifierError } from "./errors.ts";
import { type Judgement, setJudge } from "./judgement.ts";
import { createKeySet, type KeySetStatus } from "./key-set.ts";
import { parseOptions, type VerifierOptions } from "./options.ts";
import { type PresentedToken, readPresentedToken, type RequestLike } from "./presented-token.ts";
import { createRevocations, type RevocationStatus } from "./revocation/revocations.ts";
import { findKidWorthAsking } from "./unverified-glance.ts";
import type { VerifiedAccessToken } from "./verified-access-token.ts";

/** Verifies the access tokens of one issuer for one API. */
export interface Verifier {
  /**
   * Verifies a bearer token: one that is bound to no key. While its key is held, nothing is waited for; a new key is fetched
   * first (within 2 seconds, even under a flood of made-up `kid`s).
   *
   * @throws VerifierError `invalid_token`, `expired_token`, `stale_token` (refresh it: the user's rights have changed), or
   *   `unavailable` where the issuer's keys cannot be had, or what is known of revocations is too old (`revocation.onStale`)
   */
  verify(token: string): Promise<VerifiedAccessToken>;
  /**
   * Verifies the token in a request's `Authorization` header (or its cookie, see `accessCookie`), and, for one that is bound to a key, the proof in `DPoP`.
   *
   * @throws VerifierError as `verify`, and `missing_token`, `invalid_request`, `invalid_dpop_proof`, `use_dpop_nonce`
   */
  authenticate(request: RequestLike): Promise<VerifiedAccessToken>;
  /**
   * Fetches the keys now instead of at the first token, and hears the revocation feed once, for a start that should fail where
   * the issuer is misconfigured.
   *
   * @throws VerifierError `unavailable`, whose message says what is wrong
   */
  ready(): Promise<void>;
  /** For health checks; holds no secrets. */
  status(): VerifierStatus;
  /** Ends background refreshes, pending fetches and the revocation feed. From then on every token is answered `unavailable`. */
  close(): void;
}

export interface VerifierStatus {
  readonly issuer: string;
  /** Whether tokens can be verified right now, without asking the issuer first. */
  readonly isReady: boolean;
  readonly isClosed: boolean;
  readonly keys: KeySetStatus;
  readonly revocation: RevocationStatus;
}

const CLOSED: Refusal = { code: "unavailable", reason: "closed", retryAfterSeconds: 5 };
const MALFORMED: Refusal = { code: "invalid_request", reason: "malformed_authorization" };

/**
 * Makes a verifier. It asks the issuer for its metadata and keys at the first token (or at `ready()`), and keeps them fresh by itself.
 *
 * @throws VerifierError `invalid_options`, naming the option and how to mend it
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const settings = parseOptions(options);
  const keySet = createKeySet(settings, (endpoints) => revocations.offer(endpoints));
  const revocations = createRevocations(settings, keySet);
  const check = createAccessTokenCheck(settings, keySet);
  const checkProof = createProofCheck(settings.dpop, settings.clock);
  const takesProofs = settings.dpop.urls.length > 0;
  let isClosed = false;

  function judge(presented: PresentedToken, from: "caller" | "header"): Judgement | Promise<Judgement> {
    if (isClosed) return refused(CLOSED);
    const verdict = check(presented);
    if (verdict.kind === "accepted") return unlessRevoked(verdict, presented.token);
    // A token that verifies is base64url and dots. Only of others it is worth asking whether they are tokens at all.
    if (from === "header" && !isTokenSyntax(presented.token)) return refused(MALFORMED);
    return verdict.kind === "key_unknown" ? judgeWithNewKey(presented) : verdict;
  }

  async function judgeWithNewKey(presented: PresentedToken): Promise<Judgement> {
    const kid = findKidWorthAsking(presented.token, settings);
    if (kid === undefined) return refused({ code: "invalid_token", reason: "not_for_us" });
    const lookup = await keySet.lookUp(kid);
    if (lookup.kind === "unavailable") {
      return refused({ code: "unavailable", reason: "no_keys", retryAfterSeconds: lookup.retryAfterSeconds });
    }
    const verdict = lookup.kind === "found" ? check(presented) : undefined;
    if (verdict?.kind === "accepted") return unlessRevoked(verdict, presented.token);
    return verdict?.kind === "refused" ? verdict : refused({ code: "invalid_token", reason: "unknown_key" });
  }

  /** Asked of every token each time, remembered or not. */
  function unlessRevoked(accepted: AcceptedToken, token: string): Judgement | Promise<Judgement> {
    const found = revocations.findRefusal(accepted, token);
    if (found === undefined) return accepted;
    if (!(found instanceof Promise)) return refused(found);
    return found.then((refusal) => (refusal === undefined ? accepted : refused(refusal)));
  }

  async function hearRevocations(): Promise<void> {
    const failure = await revocations.ready();
    if (failure === undefined) return;
    throw new VerifierError("unavailable", `Revocations of ${settings.issuer} cannot be followed: ${failure.message}`, {
      code: "unavailable",
      reason: "stale_revocations",
      retryAfterSeconds: 5,
    });
  }

  function judgeRequest(request: RequestLike): Judgement | Promise<Judgement> {
    const presentation = readPresentedToken(request);
    if (presentation.kind === "refused") {
      const { refusal } = presentation;
      const cookie = refusal.code === "missing_token" ? settings.readAccessCookie?.(request) : undefined;
      if (cookie !== undefined) {
        return "refusal" in cookie ? refused(cookie.refusal) : judge(cookie.presented, "header");
      }
      return refused(takesProofs && refusal.code === "missing_token" ? { ...refusal, takesProofs } : refusal);
    }
    const { presented } = presentation;
    if (presented.scheme === "Bearer") return judge(presented, "header");
    if (!takesProofs) return refused({ code: "invalid_token", reason: "unsupported_scheme" });
    return judgeProven(request, presented);
  }

  async function judgeProven(request: RequestLike, presented: PresentedToken): Promise<Judgement> {
    const judgement = await judge(presented, "header");
    if (judgement.kind === "refused") return refused({ ...judgement.refusal, scheme: "DPoP" });
    const { token } = judgement;
    const fault = await checkProof(request, { text: presented.token, token });
    return fault === undefined ? judgement : { kind: "refused", ...fault };
  }

  const verifier: Verifier = {
    async verify(token) {
      return tokenOf(await judge({ scheme: "Bearer", token }, "caller"));
    },

    async authenticate(request) {
      return tokenOf(await judgeRequest(request));
    },

    async ready() {
      if (isClosed) throw refusalError(CLOSED);
      const lookup = await keySet.load();
      if (lookup.kind !== "unavailable") return hearRevocations();
      const { retryAfterSeconds, failure } = lookup;
      const refusal: Refusal = { code: "unavailable", reason: "no_keys", retryAfterSeconds };
      throw new VerifierError(
        "unavailable",
        `The keys of ${settings.issuer} cannot be had: ${failure.message}`,
        refusal,
      );
    },

    status() {
      const keys = keySet.status();
      const isReady = !isClosed && (keys.state === "fresh" || keys.state === "stale");
      return { issuer: settings.issuer, isReady, isClosed, keys, revocation: revocations.status() };
    },

    close() {
      isClosed = true;
      keySet.close();
      revocations.close();
    },
  };
  setJudge(verifier, judgeRequest);
  // The guards ask the judge: a method put in the place of another one would not be asked.
  return Object.freeze(verifier);
}

/** @throws VerifierError the refusal, where it is one */
function tokenOf(judgement: Judgement): VerifiedAccessToken {
  if (judgement.kind === "accepted") return judgement.token;
  const { refusal, cause } = judgement;
  throw refusalError(refusal, cause === undefined ? undefined : { cause });
}

function refused(refusal: Refusal): Judgement {
  return { kind: "refused", refusal };
}
