import { idleExpiry } from "@latchkey/server/domain";

import type { Authority } from "./authority.ts";
import type { Finding, Grant } from "./guarantees.ts";
import { examineGrant, examineRow, examineVerdict, holdsNothingNewer } from "./guarantees.ts";
import type { Interned } from "./interner.ts";
import type { Asked, Job, RotateJob } from "./messages.ts";
import type { Step } from "./step.ts";
import { stepTo } from "./step.ts";
import type { Thief } from "./thief.ts";
import type { Token } from "./token.ts";
import type { Setting, World } from "./world.ts";
import { spend, withOne, withoutOne, writeRow } from "./world.ts";

/** Server nodes that work at the same time on one store. */
export const NODES = 2;

/** What the network and the server nodes may do: deliver a request, write what was judged, crash. */
export function serverSteps(setting: Setting, authority: Authority, world: World): readonly Step[] {
  const { left } = world;
  const steps: Step[] = [];
  for (const asked of new Set(world.requests)) {
    const delivered = { ...world, requests: withoutOne(world.requests, asked) };
    const step = judgeStep(setting, authority, delivered, asked);
    if (step !== undefined) steps.push(step);
    if (left.duplicates > 0) {
      const twice = { ...world, requests: withOne(world.requests, asked), left: spend(left, "duplicates") };
      steps.push(stepTo(twice, { kind: "duplicate", asked }));
    }
  }
  for (const job of new Set(world.jobs)) {
    const taken = { ...world, jobs: withoutOne(world.jobs, job) };
    steps.push(job.kind === "rotate" ? rotateStep(setting, taken, job) : revokeStep(setting, taken, job));
  }
  if (left.crashes > 0) steps.push(...crashSteps(world));
  return steps;
}

const AFTER_BEING_TOLD = {
  "not tried": "told to wait",
  "told to wait": "told to wait",
  "has waited": "told again",
  "told again": "told again",
} as const;

/** A node reads the row and judges. `undefined` while every node is busy. */
export function judgeStep(
  setting: Setting,
  authority: Authority,
  world: World,
  asked: Interned<Asked>,
): Step | undefined {
  const judged = authority(world, asked);
  const action = { kind: "judge", asked, judged } as const;
  const finding = examineVerdict(setting, world, asked, judged);
  switch (judged.kind) {
    case "refuse":
      // No token on its way: whoever asked may as well have timed out.
      return stepTo(world, action, finding);
    case "superseded": {
      const isTold = asked.holder === "honest" && asked.heard && holdsNothingNewer(world, asked);
      const patience = isTold ? AFTER_BEING_TOLD[world.patience] : world.patience;
      return stepTo({ ...world, patience }, action, finding);
    }
    case "reuse":
    case "rotate":
      if (world.jobs.length === NODES) return undefined;
      return stepTo({ ...world, jobs: withOne(world.jobs, judged.job) }, action, finding);
    case "retry": {
      const granted = grant(setting, world, asked, { token: judged.token, how: "retry" });
      return stepTo(granted.world, action, finding ?? granted.finding);
    }
  }
}

/** The compare-and-set. A loser asks again, which is as though its request came only now. */
function rotateStep(setting: Setting, world: World, job: RotateJob): Step {
  const { intern, protocol } = setting;
  // The node reads the clock again when it writes.
  const { idle: idleSeconds, absolute: maxSeconds } = protocol.times;
  const idleExpiresAt = idleExpiry(world.now, world.row.state.expiresAt, { idleSeconds, maxSeconds });
  const next = { ...job.next, rotatedAt: world.now, idleExpiresAt };
  const state = protocol.store.compareAndSet(world.row.state, { expected: job.expected, next });
  const asked = intern(job.asked);
  if (state === undefined) {
    return stepTo({ ...world, requests: withOne(world.requests, asked) }, { kind: "commit", job, won: false });
  }
  const written = writeRow(world, intern({ state, served: world.row.served }), "relaxed");
  const how = job.rolledForward ? "roll forward" : "rotate";
  const granted = grant(setting, written, asked, {
    token: intern({ generation: next.generation, secret: job.secret, expiresAt: idleExpiresAt }),
    how,
  });
  return stepTo(granted.world, { kind: "commit", job, won: true }, granted.finding);
}

/** The token is on its way. To the thief it comes at once: what it learns late, it could as well have used late. */
function grant(
  setting: Setting,
  world: World,
  { holder, heard }: Asked,
  { token, how }: { readonly token: Interned<Token>; readonly how: Grant["how"] },
): { readonly world: World; readonly finding: Finding | undefined } {
  const { intern } = setting;
  const { served, thief, finding } = examineGrant(setting, world, { holder, token, how });
  const row = intern({ state: world.row.state, served });
  if (holder === "honest") {
    const answers = heard ? withOne(world.answers, token) : world.answers;
    return { world: { ...world, row, answers, thief: intern(thief) }, finding };
  }
  const isKnown = thief.tokens.some(({ secret }) => secret === token.secret);
  const wiser: Thief = isKnown ? thief : { ...thief, tokens: [...thief.tokens, token] };
  return { world: { ...world, row, thief: intern(wiser) }, finding };
}

function revokeStep(setting: Setting, world: World, job: Job): Step {
  return stepTo(revoke(setting, world), { kind: "commit", job, won: true });
}

export function revoke({ intern, protocol }: Setting, world: World): World {
  if (world.row.state.revokedAt !== null) return world;
  const row = intern({ ...world.row, state: { ...world.row.state, revokedAt: world.now } });
  return { ...writeRow(world, row, protocol.store.revocation), revoked: true };
}

/**
 * The store comes back as it was after some earlier commit, which then is on disk. Servers on other machines go on with
 * what they have read.
 */
function crashSteps(world: World): readonly Step[] {
  const left = spend(world.left, "crashes");
  return world.older.map((row) => {
    const crashed = { ...world, row, older: [], left };
    return stepTo(crashed, { kind: "crash", row }, examineRow(crashed));
  });
}
