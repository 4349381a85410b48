import { readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import type { RunExclusive } from "../core/ports.ts";
import { isErrno } from "./errno.ts";

/** Many may wait: all of them together are not to keep the one from its work. */
const FIRST_POLL_MS = 10;
const LONGEST_POLL_MS = 120;
/** No process holds the lock for longer: then it is stopped, or of another machine, and has died there. */
const LONGEST_HELD_MS = 30_000;
/** Nor does it take one this long to write its number. */
const LONGEST_UNNAMED_MS = 200;

/**
 * One process at a time, by a file that holds the number of the process that made it. The wait is bounded, and a lock whose
 * process is gone is broken at once. Two processes may break the same lock and both go on: nobody may rely on being alone.
 */
export function createFileLock(path: string): RunExclusive {
  return async (work, maxWaitMs) => {
    const isMine = await acquire(path, maxWaitMs);
    try {
      return await work();
    } finally {
      if (isMine) release(path);
    }
  };
}

async function acquire(path: string, maxWaitMs: number): Promise<boolean> {
  const deadline = performance.now() + maxWaitMs;
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(LONGEST_POLL_MS, pollMs * 2)) {
    try {
      writeFileSync(path, `${process.pid}`, { mode: 0o600, flag: "wx" });
      return true;
    } catch (error) {
      // A folder that cannot be written to has no lock; what the work is about will say more of it.
      if (!isErrno(error, "EEXIST")) return false;
    }
    if (isAbandoned(path)) release(path);
    else if (performance.now() >= deadline) return false;
    else await sleep(Math.min(pollMs * (0.5 + Math.random()), maxWaitMs));
  }
}

function release(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

function isAbandoned(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  const ageMs = Date.now() - found.mtimeMs;
  const holder = readHolder(path);
  return ageMs > LONGEST_HELD_MS || (holder === undefined ? ageMs > LONGEST_UNNAMED_MS : !isAlive(holder));
}

/** `undefined` where the file is gone, or its process has not written its number. */
function readHolder(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "utf8")) || undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !isErrno(error, "ESRCH");
  }
}
