import type { Bounds } from "./bounds.ts";
import type { Limit, Violation } from "./guarantees.ts";
import type { Protocol } from "./protocol.ts";
import { createSeenStates } from "./seen-states.ts";
import type { Step } from "./step.ts";
import { createSteps } from "./steps.ts";
import type { World } from "./world.ts";
import { createSetting, initialWorld } from "./world.ts";

export interface Exploration {
  readonly protocol: Protocol;
  readonly bounds: Bounds;
  /** Gives up after so long; what was seen by then is still reported, as incomplete. */
  readonly maxSeconds: number;
  /** Milliseconds on a monotonic clock. */
  readonly nowMs: () => number;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly seconds: number;
}

export interface Explored extends Progress {
  readonly outcome: "holds" | "violated" | "gave up";
  readonly violation: Violation | undefined;
  /** The shortest history that ends in the violation. */
  readonly counterExample: readonly Step[];
  /** How many steps reached a limit that the protocol states. */
  readonly limits: ReadonlyMap<Limit, number>;
}

const PROGRESS_EVERY = 1 << 15;

/** Breadth first through every state within the bounds, so that the first violation found has the shortest history. */
export function explore(exploration: Exploration): Explored {
  const { nowMs, maxSeconds } = exploration;
  const setting = createSetting(exploration.protocol, exploration.bounds);
  const stepsOf = createSteps(setting);
  const seen = createSeenStates();
  const limits = new Map<Limit, number>();
  const startedMs = nowMs();
  let transitions = 0;
  let depth = 0;

  const progress = (): Progress => ({
    states: seen.count(),
    transitions,
    depth,
    seconds: (nowMs() - startedMs) / 1_000,
  });
  const end = (outcome: Explored["outcome"], counterExample: readonly Step[]): Explored => ({
    ...progress(),
    outcome,
    violation: counterExample.at(-1)?.violation,
    counterExample,
    limits,
  });

  interface Reached {
    readonly world: World;
    readonly state: number;
  }
  const first = initialWorld(setting);
  seen.add(first, { parent: 0, step: 0 });
  let frontier: Reached[] = [{ world: first, state: 0 }];
  for (let expanded = 1; frontier.length > 0; depth++) {
    const next: Reached[] = [];
    for (const { world, state } of frontier) {
      for (const [number, step] of stepsOf(world).entries()) {
        transitions++;
        if (step.violation !== undefined) {
          return end("violated", replay(first, [...seen.pathTo(state), number], stepsOf));
        }
        if (step.limit !== undefined) limits.set(step.limit, (limits.get(step.limit) ?? 0) + 1);
        const reached = seen.add(step.world, { parent: state, step: number });
        if (reached !== undefined) next.push({ world: step.world, state: reached });
      }
      if (expanded++ % PROGRESS_EVERY === 0) {
        exploration.onProgress?.(progress());
        if (progress().seconds > maxSeconds) return end("gave up", []);
      }
    }
    frontier = next;
  }
  return end("holds", []);
}

/** Walks the same steps again, to tell of them. */
function replay(first: World, path: readonly number[], stepsOf: (world: World) => readonly Step[]): readonly Step[] {
  const history: Step[] = [];
  let world = first;
  for (const number of path) {
    const step = stepsOf(world)[number];
    if (step === undefined) throw new Error("A step that was there is gone: steps must depend on the state alone.");
    history.push(step);
    world = step.world;
  }
  return history;
}
