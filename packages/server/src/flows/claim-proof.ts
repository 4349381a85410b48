import { AuthError } from "../errors.ts";
import type { ProofOfPossession } from "../tokens/dpop-proof.ts";
import type { FlowContext } from "./context.ts";

/** How far the clocks of two nodes may differ: a node that is behind takes a proof for longer. */
const CLOCK_DIFFERENCE_SECONDS = 60;

/**
 * Lets a proof count, once on all nodes together. Asked last, when nothing else is left that could refuse the request: so
 * nobody who has no valid token fills the store with proofs.
 *
 * @throws AuthError `invalid_dpop_proof` for one that has counted before
 */
export async function claimProof({ store, clock }: FlowContext, proof: ProofOfPossession): Promise<void> {
  const isFirst = await store.oneTime.consume({
    purpose: "dpop-proof",
    hash: proof.replayHash,
    at: clock(),
    expiresAt: proof.expiresAt + CLOCK_DIFFERENCE_SECONDS,
  });
  if (!isFirst) throw new AuthError("invalid_dpop_proof");
}
