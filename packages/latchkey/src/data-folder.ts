import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, linkSync, mkdirSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { ConfigurationError, readSecretFile } from "@latchkey/server";

/** Where a single-machine authority keeps what it needs. */
export interface DataFolder {
  readonly databasePath: string;
  readonly masterSecret: string;
  /** The file, where this made the master secret just now. */
  readonly madeSecretPath: string | undefined;
}

/**
 * Opens the data folder, and makes it at the first start, with a master secret of its own.
 *
 * @param options.mayMakeSecret default: it may
 * @throws ConfigurationError where others may write to the folder or read the secret's file, or that is missing and may not be
 *   made
 */
export function openDataFolder(options: {
  readonly path: string;
  readonly mayMakeSecret?: boolean | undefined;
}): DataFolder {
  const databasePath = openDatabaseFolder(options.path);
  const path = join(options.path, "master-secret");
  const isMade = !existsSync(path) && makeSecret(path, options.mayMakeSecret ?? true);
  return { databasePath, masterSecret: readSecretFile(path), madeSecretPath: isMade ? path : undefined };
}

/**
 * The same for who has the master secret from elsewhere: no file is made or read. Answers the database's path.
 *
 * @throws ConfigurationError where others may write to the folder
 */
export function openDatabaseFolder(path: string): string {
  makeFolder(path);
  requireOwnFolder(path);
  return databasePathIn(path);
}

/** Folder by folder: where a file system takes no new ones, as /proc, `recursive` of Node.js tries for ever. */
function makeFolder(path: string): void {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) makeFolder(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!existsSync(path) || !statSync(path).isDirectory()) throw error;
  }
}

export function databasePathIn(path: string): string {
  return join(path, "latchkey.db");
}

/** Whoever may write here, or owns it, could put a database and a secret of their own in the place of these. */
function requireOwnFolder(path: string): void {
  if (process.platform === "win32") return;
  const { uid, mode } = statSync(path);
  if (uid !== process.getuid?.()) {
    throw new ConfigurationError(
      `${path} belongs to another user (${uid}). Run the authority as that user, or mend it with: chown ${process.getuid?.()} ${path}`,
    );
  }
  if ((mode & 0o022) !== 0) {
    throw new ConfigurationError(`${path} can be written to by others. Mend it with: chmod go-w ${path}`);
  }
}

/** Answers whether it was this process that made it. */
function makeSecret(path: string, isAllowed: boolean): boolean {
  if (!isAllowed) {
    throw new ConfigurationError(
      "There is no master secret, and in production (NODE_ENV=production, or an https issuer) none is made up. " +
        "Give one with LATCHKEY_MASTER_SECRET, LATCHKEY_MASTER_SECRET_FILE or LATCHKEY_MASTER_SECRET_FROM; " +
        `or let one be made in ${path}, once, with: latchkey serve --make-master-secret`,
    );
  }
  // Written aside and linked into place: of several processes that start at once, all read the one that came first.
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx", flush: true });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    return false;
  } finally {
    unlinkSync(draft);
  }
}
