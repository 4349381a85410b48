import { randomUUID } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Mailer } from "../ports/mailer.ts";

/**
 * Puts messages in a folder that only its owner can read, a file each, instead of sending them: for development. The
 * newest is last by name.
 */
export function createFolderMailer(folder: string): Mailer {
  return {
    async send({ to, subject, text }) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const name = `${new Date().toISOString().replaceAll(":", "-")}-${randomUUID().slice(0, 8)}.txt`;
      // Written aside: whoever watches the folder finds whole messages.
      const draft = join(folder, `.${name}.draft`);
      await writeFile(draft, `To: ${to}\nSubject: ${subject}\n\n${text}`, { mode: 0o600, flag: "wx" });
      await rename(draft, join(folder, name));
    },
  };
}
