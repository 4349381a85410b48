import { randomBytes, randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ConfigurationError } from "@latchkey/server";

/** Where a single-machine authority keeps what it needs. */
export interface DataFolder {
  readonly databasePath: string;
  readonly masterSecret: string;
}

/**
 * Opens the data folder, and makes it at the first start, with a master secret of its own.
 *
 * @param options.masterSecret given from outside (a secret manager), it is used and no file is made or read
 * @throws ConfigurationError where the secret's file can be read by others
 */
export function openDataFolder(options: {
  readonly path: string;
  readonly masterSecret?: string | undefined;
}): DataFolder {
  mkdirSync(options.path, { recursive: true, mode: 0o700 });
  return {
    databasePath: join(options.path, "latchkey.db"),
    masterSecret: options.masterSecret ?? readOrMakeSecret(join(options.path, "master-secret")),
  };
}

function readOrMakeSecret(path: string): string {
  // Written aside and linked into place: of several processes that start at once, all read the one that came first.
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx", flush: true });
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    unlinkSync(draft);
  }
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
    throw new ConfigurationError(`${path} can be read by others. Mend it with: chmod 600 ${path}`);
  }
  return readFileSync(path, "utf8").trim();
}
