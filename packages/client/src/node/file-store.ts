import { randomUUID } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { isErrno } from "./errno.ts";
import { createFileLock } from "./file-lock.ts";
import { requirePrivate } from "./private-folder.ts";
import type { Sealer } from "./sealer.ts";
import { createSealer } from "./sealer.ts";
import type { TokenStore } from "./token-store.ts";

export interface FileStoreOptions {
  /** A folder of its own for each app and issuer, on a file system with hard links; made if it is not there. */
  readonly folder: string;
  /**
   * 32 random bytes that the file is sealed with (AES-256-GCM), for example out of the system's keyring. Default: none, the
   * file's mode (0600) and the folder's (0700) are what keeps others out.
   */
  readonly encryptionKey?: Uint8Array;
}

/** A draft this old was left behind by a process that died. */
const ABANDONED_MS = 60_000;
/** `<revision>.json`, padded so that a listing shows the order. */
const STATE_FILE = /^(\d{12})\.json$/;
const DRAFT_FILE = /^draft-[\w-]+$/;

/**
 * Credentials in a folder that only its owner can read. Each state is a file of its own, written aside, flushed, and linked
 * to the name of its revision, which fails where that name is taken. So a state is there whole or not at all whenever a
 * process is killed, and of two processes that go on from the same state one is told to read again. (To rename one file
 * over another would let the older state win; a lock would outlive its process.)
 *
 * @throws ClientError `invalid_options` where others can read or write the folder
 */
export function createFileStore({ folder, encryptionKey }: FileStoreOptions): TokenStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  requirePrivate(folder);
  const sealer: Sealer | undefined = encryptionKey === undefined ? undefined : createSealer(encryptionKey);

  const pathOf = (revision: number): string => join(folder, `${String(revision).padStart(12, "0")}.json`);

  function readRevision(revision: number): string | undefined {
    try {
      return readFileSync(pathOf(revision), "utf8");
    } catch (error) {
      // There is a newer one: whoever made it has removed this.
      if (isErrno(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  function tidyUp(newest: number): void {
    for (const name of readdirSync(folder)) {
      const isOld = (revisionOf(name) ?? newest) < newest;
      if (isOld || (DRAFT_FILE.test(name) && isAbandoned(join(folder, name)))) removeIfThere(join(folder, name));
    }
  }

  return {
    read() {
      for (;;) {
        const revision = newestRevision(folder);
        if (revision === 0) return undefined;
        const text = readRevision(revision);
        if (text !== undefined) return { revision, text: sealer === undefined ? text : sealer.open(text) };
      }
    },

    replace(revision, text) {
      if (newestRevision(folder) !== revision) return false;
      const draft = join(folder, `draft-${randomUUID()}`);
      writeFileSync(draft, sealer === undefined ? text : sealer.seal(text), { mode: 0o600, flag: "wx", flush: true });
      try {
        linkSync(draft, pathOf(revision + 1));
      } catch (error) {
        if (isErrno(error, "EEXIST")) return false;
        throw error;
      } finally {
        unlinkSync(draft);
      }
      flushFolder(folder);
      // Where others were long past this revision and have tidied it away, its name was free and means nothing.
      if (newestRevision(folder) !== revision + 1) return false;
      tidyUp(revision + 1);
      return true;
    },

    runExclusive: createFileLock(join(folder, "lock")),
  };
}

function revisionOf(fileName: string): number | undefined {
  const digits = STATE_FILE.exec(fileName)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function newestRevision(folder: string): number {
  return Math.max(0, ...readdirSync(folder).map((name) => revisionOf(name) ?? 0));
}

function isAbandoned(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - found.mtimeMs > ABANDONED_MS;
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

/** Makes the new name as durable as the file. Windows has no such call, and needs none. */
function flushFolder(folder: string): void {
  if (process.platform === "win32") return;
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
