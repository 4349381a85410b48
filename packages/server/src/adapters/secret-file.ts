import type { Stats } from "node:fs";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";

import { ConfigurationError } from "../errors.ts";
import type { SecretProvider } from "../ports/master-secret.ts";

/** A file that its owner alone can read (mode 0600 or less), such as a mounted secret. */
export function createFileSecret(path: string): SecretProvider {
  return { name: path, read: async () => readSecretFile(path) };
}

/** @throws ConfigurationError where it cannot be read, or can be read by others */
export function readSecretFile(path: string): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new ConfigurationError(
      `The master secret's file ${path} cannot be read (${code}). ` +
        (code === "ENOENT" ? "Check the path." : "Let the user that runs the authority own it, with mode 600."),
    );
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new ConfigurationError(`The master secret's file ${path} is no file. Check the path.`);
    if (process.platform !== "win32") requireOwnFile(path, stats);
    return readFileSync(file, "utf8").trim();
  } finally {
    closeSync(file);
  }
}

/** Root's will do for anybody: secrets are mounted so. */
function requireOwnFile(path: string, { mode, uid }: Stats): void {
  if ((mode & 0o077) !== 0) {
    throw new ConfigurationError(`${path} can be read by others. Mend it with: chmod 600 ${path}`);
  }
  const own = process.getuid?.();
  if (uid !== own && uid !== 0) {
    throw new ConfigurationError(`${path} belongs to another user (${uid}). Mend it with: chown ${own} ${path}`);
  }
}
