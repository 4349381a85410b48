import type { AuthEvent } from "../domain/event.ts";
import { AuthError } from "../errors.ts";
import type { ProofOfPossession } from "../tokens/dpop-proof.ts";
import { claimHashOnce } from "./claim-once.ts";
import type { FlowContext } from "./context.ts";
import { recordOnce } from "./record-once.ts";

/** What is recorded of a replay: once an hour for each subject, for whoever has one valid request can send it for ever. */
export interface ProofReplay {
  /** The id of what the proof would have been good for. */
  readonly subject: string;
  readonly event: AuthEvent;
}

/**
 * Lets a proof count, once on all nodes together. Asked last, when nothing else is left that could refuse the request: so
 * nobody who has no valid token fills the store with proofs.
 *
 * @throws AuthError `invalid_dpop_proof` for one that has counted before
 */
export async function claimProof(context: FlowContext, proof: ProofOfPossession, replay?: ProofReplay): Promise<void> {
  const { replayHash, expiresAt } = proof;
  if (await claimHashOnce(context, "dpop-proof", { hash: replayHash, expiresAt })) return;
  if (replay !== undefined) await recordOnce(context, `replayed proof ${replay.subject}`, replay.event);
  throw new AuthError("invalid_dpop_proof");
}
