import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, linkSync, mkdirSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

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
 * @throws ConfigurationError where the secret's file can be read by others, or is missing and may not be made
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

/** The same for who has the master secret from elsewhere: no file is made or read. Answers the database's path. */
export function openDatabaseFolder(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return join(path, "latchkey.db");
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
