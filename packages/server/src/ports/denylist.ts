import type { Revocation } from "@latchkey/protocol";

/**
 * A copy of all that is revoked and still matters, kept where gateways can read it. Every node writes the whole of it, so
 * each verb does no harm when it is done again, late, or by several at once: what it says can only grow until its time.
 */
export interface Denylist {
  /** Grows whenever something that was added may have been lost: all must be added again. */
  readonly losses: number;

  add(revocations: readonly Revocation[]): Promise<void>;

  /**
   * Says that whatever was revoked until `at` (seconds since 1970) has been added. Answers `false`, and says nothing, where
   * nobody has said so for a while, or the list is new: all must be added again, and then confirmed with `complete`.
   */
  confirm(at: number, complete: boolean): Promise<boolean>;

  close(): Promise<void>;
}
