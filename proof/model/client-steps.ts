import type { AttemptKey } from "./attempt-keeper.ts";
import { SENT_KEYS } from "./attempt-keeper.ts";
import type { Interned } from "./interner.ts";
import type { Asked, Job } from "./messages.ts";
import type { Step } from "./step.ts";
import { stepTo } from "./step.ts";
import type { Token } from "./token.ts";
import type { Setting, World } from "./world.ts";
import { spend, withOne, withoutOne, writeJar } from "./world.ts";

/**
 * What the honest client may do. A tab is nothing but what it sends: any tab may send at any moment, may give up and send
 * again, or close, and an answer reaches the shared jar whether or not its tab still waits. So the tabs need no state, and
 * a history with so many sends stands for every number of tabs that send so many requests between them.
 */
export function clientSteps(setting: Setting, world: World): readonly Step[] {
  const { left } = world;
  const { protocol } = setting;
  const steps: Step[] = [];
  if (left.sends > 0) steps.push(send(setting, world));
  if (protocol.patience === "ends" && world.patience === "told to wait") steps.push(waitLongEnough(setting, world));
  if (world.patience === "told again") steps.push(insist(setting, world));
  if (left.tornSends > 0 && left.sends > 0) steps.push(...tornSend(setting, world));
  const distinct = new Set(world.answers);
  for (const token of distinct) {
    const jar = setting.intern({ token, keys: world.jar.keys });
    const newestHeld = Math.max(world.newestHeld, token.generation);
    const rotationsLate = Math.max(world.row.state.generation, newestHeld) - token.generation;
    const answered: World = {
      ...world,
      answers: withoutOne(world.answers, token),
      newestHeld,
      setFarBack: world.setFarBack || rotationsLate > 1,
    };
    steps.push(stepTo(writeJar(answered, jar), { kind: "answer", token }));
  }
  if (left.jarCrashes > 0) {
    for (const jar of new Set(world.olderJars)) {
      const older = world.olderJars.slice(0, world.olderJars.indexOf(jar));
      const rest = spend(left, "jarCrashes");
      const crashed = { ...world, jar, olderJars: rest.jarCrashes === 0 ? [] : older, left: rest };
      steps.push(stepTo(crashed, { kind: "jar crash", jar }));
    }
  }
  return steps;
}

/** Writes the attempt key into the jar and sends: two writes at one moment, since what lies between changes neither. */
function send(setting: Setting, world: World): Step {
  const { intern, protocol } = setting;
  const { token } = world.jar;
  let keysMade = world.keysMade;
  const makeKey = (): AttemptKey => ({
    generation: token.generation,
    name: `gen-${token.generation}-k${keysMade++}`,
    insists: false,
  });
  const keys = protocol.keeper(token, world.jar.keys, makeKey);
  const asked = intern(askWith(token, keys));
  const before = protocol.lateAnswers === "are dropped" ? hearNobody(setting, world) : world;
  const after = { ...before, keysMade, requests: withOne(before.requests, asked), left: spend(world.left, "sends") };
  return stepTo(writeJar(after, intern({ token, keys })), { kind: "send", asked });
}

function askWith(token: Token, keys: readonly AttemptKey[]): Asked {
  const insists = keys[0]?.insists ?? false;
  return { holder: "honest", heard: true, token, keys: keys.map((key) => key.name), insists };
}

/**
 * The client waits longer than a request of its own may be under way, so no answer to those comes any more, and longer than
 * a store takes to bring its rotations to the disk. What it asked may still reach the server.
 */
function waitLongEnough(setting: Setting, world: World): Step {
  return stepTo({ ...hearNobody(setting, world), older: [], patience: "has waited" }, { kind: "wait" });
}

/** The second key goes before the first in all that the client sends from now on. */
function insist({ intern }: Setting, world: World): Step {
  const { token, keys } = world.jar;
  const name = `gen-${token.generation}-k${world.keysMade}`;
  const key: AttemptKey = { generation: token.generation, name, insists: true };
  const jar = intern({ token, keys: [key, ...keys].slice(0, SENT_KEYS) });
  const insisting: World = { ...writeJar(world, jar), keysMade: world.keysMade + 1, patience: "not tried" };
  return stepTo(insisting, { kind: "insist", key: name });
}

/**
 * The page prepared the attempt for the token it saw, and the jar's token changed before the browser attached it: the
 * request carries the new token, and the keys of the old.
 */
function tornSend({ intern }: Setting, world: World): readonly Step[] {
  const { token, keys } = world.jar;
  if (keys[0] === undefined || keys[0].generation === token.generation) return [];
  const asked = intern(askWith(token, keys));
  const left = spend(spend(world.left, "sends"), "tornSends");
  return [stepTo({ ...world, requests: withOne(world.requests, asked), left }, { kind: "torn send", asked })];
}

/** The attempt before was given up, and by this client nobody hears its answer any more. */
function hearNobody({ intern }: Setting, world: World): World {
  const unheard = (asked: Asked): Interned<Asked> =>
    intern(asked.holder === "honest" ? { ...asked, heard: false } : { ...asked });
  return {
    ...world,
    answers: [],
    requests: world.requests.map(unheard).toSorted((a, b) => a.index - b.index),
    jobs: world.jobs
      .map((job): Interned<Job> => intern<Job>({ ...job, asked: unheard(job.asked) }))
      .toSorted((a, b) => a.index - b.index),
  };
}
