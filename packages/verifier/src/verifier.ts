import { API_TOKEN_PREFIX, isTokenSyntax, parseApiToken } from "@latchkey/protocol";

import { createApiTokenUses } from "./api-token-uses.ts";
import { type AcceptedToken, createAccessTokenCheck, TYPE_OF, type Verdict } from "./check-access-token.ts";
import { createProofCheck } from "./check-proof.ts";
import { type Refusal, refusalError, VerifierError } from "./errors.ts";
import { type Judgement, setJudge } from "./judgement.ts";
import type { IssuerEndpoints } from "./discovery.ts";
import { createKeySet, type KeySet, type KeySetStatus } from "./key-set.ts";
import { failed } from "./key-set-failure.ts";
import { parseOptions, type Settings, type VerifierOptions } from "./options.ts";
import { type PresentedToken, readPresentedToken, type RequestLike } from "./presented-token.ts";
import { createRevocations, type RevocationStatus } from "./revocation/revocations.ts";
import { findKidWorthAsking } from "./unverified-glance.ts";
import type { TokenKind, VerifiedAccessToken } from "./verified-access-token.ts";

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
  /**
   * The same verifier for routes that take API tokens as well, by the header `Authorization` alone: routes that should not
   * are guarded with the verifier it is made from. Both share keys, feed and memory, and are closed together.
   *
   * @throws VerifierError `invalid_options` where `createVerifier` was not told of `apiTokens`
   */
  withApiTokens(): Verifier;
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
  let endpoints: IssuerEndpoints | undefined;
  const keySet = createKeySet(settings, (found) => {
    endpoints = found;
    revocations.offer(found);
  });
  const revocations = createRevocations(settings, keySet);
  const accessTokens = tokensOf("access-token", keySet, settings);
  const apiTokens = settings.apiTokens && tokensOf("api-token", createApiTokenKeySet(settings), settings);
  const uses = createUses(settings, () => endpoints?.apiTokenUses);
  const checkProof = createProofCheck(settings.dpop, settings.clock);
  const takesProofs = settings.dpop.urls.length > 0;
  let isClosed = false;

  type From = "caller" | "header";
  type Judging = (presented: PresentedToken, from: From) => Judgement | Promise<Judgement>;

  function judge(presented: PresentedToken, from: From): Judgement | Promise<Judgement> {
    if (isClosed) return refused(CLOSED);
    const verdict = accessTokens.check(presented);
    if (verdict.kind === "accepted") return unlessRevoked(verdict, presented.token);
    // A token that verifies is base64url and dots. Only of others it is worth asking whether they are tokens at all.
    if (from === "header" && !isTokenSyntax(presented.token)) return refused(MALFORMED);
    if (verdict.kind === "refused") return verdict;
    return judgeWithNewKey(accessTokens, presented).then((later) => afterCheck(later, presented.token));
  }

  /** An API token is told by its form; it is good only while revocations are heard of, so those come first. */
  function judgeEither(presented: PresentedToken, from: From): Judgement | Promise<Judgement> {
    if (apiTokens === undefined || !presented.token.startsWith(API_TOKEN_PREFIX)) return judge(presented, from);
    if (isClosed) return refused(CLOSED);
    const jwt = parseApiToken(presented.token);
    if (jwt === undefined) return refused({ code: "invalid_token", reason: "malformed_token" });
    const verdict = apiTokens.check({ ...presented, token: jwt });
    if (verdict.kind === "refused") return verdict;
    if (verdict.kind === "accepted" && revocations.isHeard) return afterCheck(verdict, presented.token);
    return judgeApiTokenLater(apiTokens, verdict, { ...presented, token: jwt }, presented.token);
  }

  async function judgeApiTokenLater(
    tokens: TokensOfKind,
    verdict: Verdict,
    presented: PresentedToken,
    text: string,
  ): Promise<Judgement> {
    const later = verdict.kind === "key_unknown" ? await judgeWithNewKey(tokens, presented) : verdict;
    if (later.kind === "accepted" && !revocations.isHeard) await beginToHear();
    return afterCheck(later, text);
  }

  async function judgeWithNewKey(
    { kind, keys, check }: TokensOfKind,
    presented: PresentedToken,
  ): Promise<SettledVerdict> {
    const kid = findKidWorthAsking(presented.token, TYPE_OF[kind], settings);
    if (kid === undefined) return refused({ code: "invalid_token", reason: "not_for_us" });
    const lookup = await keys.lookUp(kid);
    if (lookup.kind === "unavailable") {
      return refused({ code: "unavailable", reason: "no_keys", retryAfterSeconds: lookup.retryAfterSeconds });
    }
    const verdict = lookup.kind === "found" ? check(presented) : undefined;
    if (verdict === undefined || verdict.kind === "key_unknown") {
      return refused({ code: "invalid_token", reason: "unknown_key" });
    }
    return verdict;
  }

  function afterCheck(verdict: SettledVerdict, text: string): Judgement | Promise<Judgement> {
    return verdict.kind === "accepted" ? unlessRevoked(verdict, text) : verdict;
  }

  /** Asked of every token each time, remembered or not. */
  function unlessRevoked(accepted: AcceptedToken, token: string): Judgement | Promise<Judgement> {
    const found = revocations.findRefusal(accepted, token);
    if (found === undefined) return accepted;
    if (!(found instanceof Promise)) return refused(found);
    return found.then((refusal) => (refusal === undefined ? accepted : refused(refusal)));
  }

  let beginning: Promise<void> | undefined;

  /** Waits for the feed a little, once for all who ask; whoever is too early is told to come again. */
  function beginToHear(): Promise<void> {
    beginning ??= Promise.race([keySet.load().then(() => revocations.ready()), pause(FIRST_HEARING_MS)])
      .then(() => undefined)
      .finally(() => {
        beginning = undefined;
      });
    return beginning;
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

  function requestJudge(judging: Judging): (request: RequestLike) => Judgement | Promise<Judgement> {
    return (request) => {
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
      if (presented.scheme === "Bearer") return judging(presented, "header");
      if (!takesProofs) return refused({ code: "invalid_token", reason: "unsupported_scheme" });
      return judgeProven(request, presented, judging);
    };
  }

  async function judgeProven(request: RequestLike, presented: PresentedToken, judging: Judging): Promise<Judgement> {
    const judgement = await judging(presented, "header");
    if (judgement.kind === "refused") return refused({ ...judgement.refusal, scheme: "DPoP" });
    const { token } = judgement;
    const fault = await checkProof(request, { text: presented.token, token });
    return fault === undefined ? judgement : { kind: "refused", ...fault };
  }

  /** Notes the use of what was let in; the request does not wait for it. */
  function noted(judgement: Judgement): Judgement {
    if (judgement.kind === "accepted" && judgement.token.kind === "api-token") uses?.note(judgement.token.tokenId);
    return judgement;
  }

  async function load(keys: KeySet): Promise<void> {
    if (isClosed) throw refusalError(CLOSED);
    const lookup = await keys.load();
    if (lookup.kind !== "unavailable") return;
    const { retryAfterSeconds, failure } = lookup;
    const refusal: Refusal = { code: "unavailable", reason: "no_keys", retryAfterSeconds };
    throw new VerifierError("unavailable", `The keys of ${settings.issuer} cannot be had: ${failure.message}`, refusal);
  }

  function createView(judging: Judging, keySets: readonly KeySet[]): Verifier {
    const judgeRequest = requestJudge(judging);
    const judgeAndNote = (request: RequestLike): Judgement | Promise<Judgement> => {
      const judgement = judgeRequest(request);
      return judgement instanceof Promise ? judgement.then(noted) : noted(judgement);
    };
    const verifier: Verifier = {
      async verify(token) {
        return tokenOf(noted(await judging({ scheme: "Bearer", token }, "caller")));
      },

      async authenticate(request) {
        return tokenOf(await judgeAndNote(request));
      },

      withApiTokens() {
        if (withApiTokens !== undefined) return withApiTokens;
        throw new VerifierError("invalid_options", "withApiTokens: needs createVerifier({ …, apiTokens: true }).");
      },

      async ready() {
        for (const keys of keySets) await load(keys);
        await hearRevocations();
      },

      status() {
        const keys = keySet.status();
        const isReady = !isClosed && (keys.state === "fresh" || keys.state === "stale");
        return { issuer: settings.issuer, isReady, isClosed, keys, revocation: revocations.status() };
      },

      close() {
        isClosed = true;
        keySet.close();
        apiTokens?.keys.close();
        revocations.close();
        uses?.close();
      },
    };
    setJudge(verifier, judgeAndNote);
    // The guards ask the judge: a method put in the place of another one would not be asked.
    return Object.freeze(verifier);
  }

  const withApiTokens = apiTokens && createView(judgeEither, [keySet, apiTokens.keys]);
  return createView(judge, [keySet]);
}

/** How long the first API token may wait for the feed, in milliseconds. */
const FIRST_HEARING_MS = 2_000;

type SettledVerdict = Exclude<Verdict, { readonly kind: "key_unknown" }>;

/** How tokens of one kind are judged, and by which keys. */
interface TokensOfKind {
  readonly kind: TokenKind;
  readonly keys: KeySet;
  readonly check: (presented: PresentedToken) => Verdict;
}

function tokensOf(kind: TokenKind, keys: KeySet, settings: Settings): TokensOfKind {
  return { kind, keys, check: createAccessTokenCheck(settings, keys, kind) };
}

function createApiTokenKeySet(settings: Settings): KeySet {
  return createKeySet(settings, undefined, ({ apiTokenKeySet }) =>
    apiTokenKeySet === undefined
      ? failed("bad_metadata", "The issuer's metadata names no api_token_jwks_uri. Switch on its apiTokens.")
      : { kind: "ok", value: apiTokenKeySet },
  );
}

function createUses({ apiTokens, revocation, fetch, clock }: Settings, findEndpoint: () => string | undefined) {
  const everySeconds = apiTokens?.reportEverySeconds;
  const authorize = revocation?.authorize;
  if (everySeconds === undefined || authorize === undefined) return undefined;
  return createApiTokenUses({ findEndpoint, authorize, everySeconds, fetch, clock });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}

/** @throws VerifierError the refusal, where it is one */
function tokenOf(judgement: Judgement): VerifiedAccessToken {
  if (judgement.kind === "accepted") return judgement.token;
  const { refusal, cause } = judgement;
  throw refusalError(refusal, cause === undefined ? undefined : { cause });
}

function refused(refusal: Refusal): Extract<Judgement, { kind: "refused" }> {
  return { kind: "refused", refusal };
}
