import { createDpopProofVerifier, JwtError } from "@latchkey/jwt";
import type { DpopNonces, VerifiedDpopProof } from "@latchkey/jwt";

import type { Clock } from "../ports/clock.ts";

/** A proof that its sender has a key (RFC 9449), verified; it counts once, when it is claimed. */
export type ProofOfPossession = VerifiedDpopProof;

export type ProofVerdict =
  | { readonly kind: "valid"; readonly proof: ProofOfPossession }
  /** Nothing is wrong but that it must be made anew, with a nonce. */
  | { readonly kind: "nonce_needed" }
  | { readonly kind: "invalid" };

/** The request that a proof came with. */
export interface ProvenRequest {
  readonly method: string;
  readonly path: string;
  /** On account routes: the access token that came along. */
  readonly accessToken?: string;
}

export interface DpopProofs {
  verify(proof: string, request: ProvenRequest): ProofVerdict;
  /** The nonce to make the next proof with. */
  issueNonce(): string;
  readonly nonceRequired: boolean;
}

/** Proofs must be for URLs below the issuer's own origin, whatever host a request says it came to (DNS rebinding, proxies). */
export function createDpopProofs(options: {
  readonly issuer: string;
  readonly nonces: DpopNonces;
  readonly nonceRequired: boolean;
  readonly clock: Clock;
}): DpopProofs {
  const { nonces, nonceRequired, clock } = options;
  const { origin } = new URL(options.issuer);
  const verify = createDpopProofVerifier({ nonces, nonceRequired, clock });

  return {
    verify(proof, { method, path, accessToken }) {
      try {
        return { kind: "valid", proof: verify(proof, { method, url: origin + path, accessToken }) };
      } catch (error) {
        if (!(error instanceof JwtError)) throw error;
        return { kind: error.code === "nonce_required" ? "nonce_needed" : "invalid" };
      }
    },
    issueNonce: () => nonces.issue(),
    nonceRequired,
  };
}
