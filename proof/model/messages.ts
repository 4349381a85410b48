import type { Rotation } from "./store.ts";
import type { Token } from "./token.ts";

export type Holder = "honest" | "thief";

/** A refresh as it is asked. */
export interface Asked {
  readonly holder: Holder;
  readonly token: Token;
  /** Newest first. */
  readonly keys: readonly string[];
  /** Whether the newest is a second one for its generation: the client was told to wait under the first. */
  readonly insists: boolean;
  /** Whether anybody still listens for the answer. */
  readonly heard: boolean;
}

/** A compare-and-set that a server node has decided on for a row it has read. */
export interface RotateJob {
  readonly kind: "rotate";
  readonly asked: Asked;
  readonly expected: Rotation["expected"];
  /** What the row holds next; its times are those of the writing. */
  readonly next: Omit<Rotation["next"], "rotatedAt" | "idleExpiresAt">;
  readonly secret: string;
  readonly rolledForward: boolean;
}

/** What a server node is about to write. */
export type Job = RotateJob | { readonly kind: "revoke"; readonly asked: Asked };
