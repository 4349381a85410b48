import type { PresentedRefresh, RefreshRuleOptions, RefreshState, RefreshVerdict } from "@latchkey/server/domain";
import { judgeRefresh } from "@latchkey/server/domain";

import type { AttemptKeeper } from "./attempt-keeper.ts";
import { keepOneKeyPerGeneration, keepNoKeys } from "./attempt-keeper.ts";
import type { StoreRules } from "./store.ts";
import { soundStore } from "./store.ts";

/** By what the honest client's retries are recognised. */
export type Strength = "attempt keys" | "proof of possession" | "time alone";

export type JudgeRefresh = (
  session: RefreshState | undefined,
  presented: PresentedRefresh,
  options: RefreshRuleOptions,
) => RefreshVerdict;

/** The protocol under examination. The parts are replaced by faulty ones only in the tests of the explorer itself. */
export interface Protocol {
  readonly strength: Strength;
  /** The rule: `judgeRefresh` of the server, itself. */
  readonly judge: JudgeRefresh;
  readonly keeper: AttemptKeeper;
  /**
   * Whether an answer to an attempt that was given up can still reach the jar, and attempts may overlap. So it is for the
   * tabs of a browser; a single process that aborts before it tries again, and alone writes its file, is narrower.
   */
  readonly lateAnswers: "reach the jar" | "are dropped";
  /**
   * What a client does that has been told to wait, again and again, until no answer of its own can come any more: it
   * insists, with a second key for its token's generation, or goes on waiting.
   */
  readonly patience: "ends" | "never ends";
  readonly store: StoreRules;
  readonly times: Times;
}

/** In ticks of the model's clock. */
export interface Times {
  readonly retryWindow: number;
  readonly idle: number;
  readonly absolute: number;
}

const TIMELESS: Times = { retryWindow: 1, idle: 1_000, absolute: 1_000 };

export function protocolOf(strength: Strength, parts: Partial<Protocol> = {}): Protocol {
  return {
    strength,
    judge: judgeRefresh,
    keeper: strength === "attempt keys" ? keepOneKeyPerGeneration : keepNoKeys,
    lateAnswers: "reach the jar",
    patience: "ends",
    store: soundStore,
    times: TIMELESS,
    ...parts,
  };
}
