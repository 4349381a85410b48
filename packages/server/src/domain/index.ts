/**
 * The pure rule of refresh-token rotation, for programs that examine it: the explorer of the protocol drives the very
 * function the authority runs.
 */
export { REMEMBERED_GENERATIONS, rememberAttempts } from "./attempt-memory.ts";
export type { AttemptMemory } from "./attempt-memory.ts";
export { judgeRefresh } from "./refresh-rule.ts";
export type {
  NextGeneration,
  NextSecret,
  PresentedRefresh,
  RefreshRuleOptions,
  RefreshVerdict,
  SecretScheme,
} from "./refresh-rule.ts";
export { idleExpiry } from "./session.ts";
export type { RefreshState, SessionLimits } from "./session.ts";
