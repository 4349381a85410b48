import type { Authority } from "./authority.ts";
import { createAuthority } from "./authority.ts";
import { clientSteps } from "./client-steps.ts";
import type { Asked } from "./messages.ts";
import { judgeStep, revoke, serverSteps } from "./server-steps.ts";
import type { Step } from "./step.ts";
import { stepTo } from "./step.ts";
import { copyJar, thiefKeyLists } from "./thief.ts";
import type { Setting, World } from "./world.ts";
import { spend } from "./world.ts";

/** Every step that may come next. The order is fixed, so that a step is named by its number. */
export type Steps = (world: World) => readonly Step[];

export function createSteps(setting: Setting): Steps {
  const authority = createAuthority(setting);
  return (world) => [
    ...clientSteps(setting, world),
    ...serverSteps(setting, authority, world),
    ...thiefSteps(setting, authority, world),
    ...otherSteps(setting, world),
  ];
}

function thiefSteps(setting: Setting, authority: Authority, world: World): readonly Step[] {
  const { intern } = setting;
  const { thief, left, jar } = world;
  if (left.thiefSends === 0) return [];
  if (thief.tokens.length === 0) {
    return [stepTo({ ...world, thief: intern(copyJar(jar)) }, { kind: "copy", jar })];
  }
  const using: World = { ...world, thief: intern({ ...thief, used: true }), left: spend(left, "thiefSends") };
  return thief.tokens
    .flatMap((token) => thiefKeyLists(thief, token).map((keys) => ({ token, keys })))
    .map((what) => intern<Asked>({ holder: "thief", ...what, heard: true, insists: false }))
    .map((asked) => judgeStep(setting, authority, using, asked))
    .filter((step) => step !== undefined);
}

function otherSteps(setting: Setting, world: World): readonly Step[] {
  const { left } = world;
  const steps: Step[] = [];
  if (left.signOuts > 0 && !world.revoked) {
    const ended = revoke(setting, { ...world, left: spend(left, "signOuts") });
    steps.push(stepTo(ended, { kind: "sign out" }));
  }
  if (left.ticks > 0) {
    steps.push(stepTo({ ...world, now: world.now + 1, left: spend(left, "ticks") }, { kind: "tick" }));
  }
  return steps;
}
