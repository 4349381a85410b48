import { DPOP_HEADER } from "@latchkey/protocol";

import { AuthError } from "../errors.ts";
import type { ProofOfPossession } from "../tokens/dpop-proof.ts";
import type { Exchange } from "./exchange.ts";

/**
 * The proof of possession of a request, verified but for its single use; `undefined` where there is none. Two headers
 * arrive as one with a comma, which no proof has.
 *
 * @param accessToken the one that came along, which the proof must be for
 * @throws AuthError `invalid_dpop_proof`, `use_dpop_nonce`
 */
export function readProof({ request, http }: Exchange, accessToken?: string): ProofOfPossession | undefined {
  const header = request.headers.get(DPOP_HEADER);
  if (header === null) return undefined;
  const verdict = http.dpopProofs.verify(header, {
    method: request.method,
    path: new URL(request.url).pathname,
    ...(accessToken !== undefined && { accessToken }),
  });
  if (verdict.kind === "valid") return verdict.proof;
  throw new AuthError(verdict.kind === "nonce_needed" ? "use_dpop_nonce" : "invalid_dpop_proof");
}
