import { createDpopNonces, createDpopProofVerifier, JwtError, type VerifiedDpopProof } from "@latchkey/jwt";
import { DPOP_HEADER } from "@latchkey/protocol";

import type { DpopSettings } from "./dpop-options.ts";
import type { Refusal } from "./errors.ts";
import { headerValues, type RequestLike } from "./presented-token.ts";
import { boundKeyOf } from "./token-binding.ts";
import type { VerifiedAccessToken } from "./verified-access-token.ts";

/** An access token that is good in itself, as text and read. */
export interface ProvenToken {
  readonly text: string;
  readonly token: VerifiedAccessToken;
}

export type ProofFault = { readonly refusal: Refusal; readonly cause?: unknown };

/** How far the clocks of two nodes may differ: one that is behind takes a proof for longer. */
const CLOCK_DIFFERENCE_SECONDS = 60;

/**
 * Makes the function that checks whether a request proves possession of its access token's key, and says what is wrong, or
 * `undefined`. It is asked once the token has been found good: only who has one can make it remember a proof.
 */
export function createProofCheck(
  settings: DpopSettings,
  clock: () => number,
): (request: RequestLike, proven: ProvenToken) => Promise<ProofFault | undefined> {
  const { urls, replayStore, nonce } = settings;
  const nonces = createDpopNonces({ secret: nonce.secret, clock });
  const verifyProof = createDpopProofVerifier({
    maxAgeSeconds: settings.proofLifetimeSeconds,
    nonces,
    nonceRequired: nonce.required,
    clock,
  });

  return async (request, { text, token }) => {
    const [header, ...others] = headerValues(request, DPOP_HEADER);
    if (header === undefined) return invalidProof("no_proof");
    if (others.length > 0) return invalidProof("repeated_proof");
    const { method, originalUrl, url = "" } = request;
    const path = pathOf(originalUrl ?? url);
    // A guard that hands over neither could not tell which request a proof is for.
    if (method === undefined || path === undefined) return invalidProof("no_request_line");

    let proof: VerifiedDpopProof;
    try {
      proof = verifyProof(header, { method, url: urls.map((base) => base + path), accessToken: text });
    } catch (error) {
      if (!(error instanceof JwtError)) throw error;
      if (error.code === "nonce_required") {
        return fault({ code: "use_dpop_nonce", reason: error.code, dpopNonce: nonces.issue() });
      }
      return invalidProof(error.code, error.claim);
    }
    if (proof.jkt !== boundKeyOf(token.claims))
      return fault({ code: "invalid_token", reason: "wrong_key", claim: "cnf" });

    const expiresAt = proof.expiresAt + CLOCK_DIFFERENCE_SECONDS;
    const lifetimeSeconds = Math.max(1, Math.ceil(expiresAt - clock()));
    try {
      const isFirst: unknown = await replayStore.consume({ hash: proof.replayHash, expiresAt, lifetimeSeconds });
      // Only a clear yes counts: a store that answers something else has been written wrongly.
      return isFirst === true ? undefined : invalidProof("replayed_proof");
    } catch (cause) {
      return { ...fault({ code: "unavailable", reason: "no_replay_store", retryAfterSeconds: 1 }), cause };
    }
  };
}

/** The path of a request target (RFC 9112 §3.2), as it was sent; undefined where it has none. */
function pathOf(target: string): string | undefined {
  if (target.startsWith("/")) return target;
  const url = URL.parse(target);
  return url === null ? undefined : url.pathname;
}

function invalidProof(reason: Refusal["reason"], claim?: string): ProofFault {
  return fault({ code: "invalid_dpop_proof", reason, ...(claim !== undefined && { claim }) });
}

function fault(refusal: Refusal): ProofFault {
  return { refusal: { ...refusal, scheme: "DPoP" } };
}
