import { lstatSync } from "node:fs";

import { ClientError } from "../errors.ts";

/**
 * Whoever may write here could plant a session; whoever may read has it.
 *
 * @throws ClientError `invalid_options` where others may do either
 */
export function requirePrivate(folder: string): void {
  const found = lstatSync(folder);
  if (!found.isDirectory()) throw new ClientError("invalid_options", `folder: ${folder} is no folder.`);
  if (process.platform === "win32") return;
  if ((found.mode & 0o077) !== 0 || found.uid !== process.getuid?.()) {
    throw new ClientError("invalid_options", `folder: ${folder} is open to others. Mend it with: chmod 700 ${folder}`);
  }
}
