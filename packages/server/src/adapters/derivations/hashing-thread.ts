/** The program of a thread that derives one key after another, behind everything else. */
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";

import { BLOCKING } from "./blocking.ts";
import type { Derivation, DerivationAnswer } from "./in-threads.ts";

/**
 * A core that a refresh wants, too, is the refresh's for three parts of four. Not more: on a machine that is busy with other
 * programs, which come first as well, nobody would sign in at all.
 */
const NICENESS = 5;

// On Linux alone is the priority one thread's. Elsewhere it would be the whole process's.
if (process.platform === "linux") {
  try {
    setPriority(NICENESS);
  } catch {
    // Where that is forbidden, hashing is merely no more patient than everything else.
  }
}

parentPort?.on("message", (derivation: Derivation) => void answer(derivation));

async function answer(derivation: Derivation): Promise<void> {
  const answered = await derive(derivation);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  parentPort?.postMessage(answered);
}

async function derive({ name, input }: Derivation): Promise<DerivationAnswer> {
  try {
    return { value: await BLOCKING[name](input as never) };
  } catch (error) {
    return { error };
  }
}
