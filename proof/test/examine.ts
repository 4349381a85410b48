import type { Bounds } from "../model/bounds.ts";
import { NOTHING } from "../model/bounds.ts";
import type { Explored } from "../model/explore.ts";
import { explore } from "../model/explore.ts";
import type { Protocol, Strength } from "../model/protocol.ts";
import { protocolOf } from "../model/protocol.ts";
import type { Step } from "../model/step.ts";

export function examine(
  bounds: Partial<Bounds>,
  parts: Partial<Protocol> = {},
  nowMs: () => number = () => performance.now(),
): Explored {
  const strength: Strength = parts.strength ?? "attempt keys";
  return explore({
    protocol: protocolOf(strength, parts),
    bounds: { ...NOTHING, ...bounds },
    maxSeconds: 25,
    nowMs,
  });
}

/** A history in short: what was done, by whom, with which token; keys where they matter. */
export function outline(history: readonly Step[]): readonly string[] {
  return history.map(({ action }) => {
    switch (action.kind) {
      case "send":
      case "torn send":
      case "duplicate":
        return `${action.kind} ${action.asked.token.generation}`;
      case "judge":
        return `${action.asked.holder} ${action.asked.token.generation}: ${action.judged.kind}`;
      case "commit":
        return action.job.kind === "revoke"
          ? "revoke"
          : `${action.won ? "write" : "lose"} ${action.job.next.generation}`;
      case "answer":
        return `answer ${action.token.generation}`;
      case "crash":
        return `crash to ${action.row.state.generation}`;
      case "jar crash":
        return `jar back to ${action.jar.token.generation}`;
      case "copy":
        return `copy ${action.jar.token.generation}`;
      case "wait":
      case "insist":
      case "sign out":
      case "tick":
        return action.kind;
    }
  });
}
