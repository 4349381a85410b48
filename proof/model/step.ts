import type { Judged } from "./authority.ts";
import type { Finding, Limit, Violation } from "./guarantees.ts";
import type { Asked, Job } from "./messages.ts";
import type { Row } from "./store.ts";
import type { Token } from "./token.ts";
import type { Jar, World } from "./world.ts";

/** What happens in one step. */
export type Action =
  | { readonly kind: "send"; readonly asked: Asked }
  | { readonly kind: "torn send"; readonly asked: Asked }
  | { readonly kind: "wait" }
  | { readonly kind: "insist"; readonly key: string }
  | { readonly kind: "duplicate"; readonly asked: Asked }
  | { readonly kind: "judge"; readonly asked: Asked; readonly judged: Judged }
  | { readonly kind: "commit"; readonly job: Job; readonly won: boolean }
  | { readonly kind: "answer"; readonly token: Token }
  | { readonly kind: "crash"; readonly row: Row }
  | { readonly kind: "jar crash"; readonly jar: Jar }
  | { readonly kind: "sign out" }
  | { readonly kind: "tick" }
  | { readonly kind: "copy"; readonly jar: Jar };

/** One step: what happens, what the world is then, and what it means. */
export interface Step {
  readonly action: Action;
  readonly world: World;
  readonly violation: Violation | undefined;
  readonly limit: Limit | undefined;
}

export function stepTo(world: World, action: Action, finding?: Finding): Step {
  return {
    action,
    world,
    violation: finding?.kind === "violation" ? finding.violation : undefined,
    limit: finding?.kind === "limit" ? finding.limit : undefined,
  };
}
