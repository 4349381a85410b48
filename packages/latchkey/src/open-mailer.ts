import { join } from "node:path";

import type { Mailer } from "@latchkey/server";
import { ConfigurationError, createFolderMailer } from "@latchkey/server";

/** SMTP where there is a server, or files in the data folder. */
export async function openMailer(options: {
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string | undefined;
  readonly dataPath: string;
}): Promise<Mailer> {
  const { smtpUrl, mailFrom, dataPath } = options;
  if (smtpUrl === undefined) return createFolderMailer(join(dataPath, "mail"));
  if (mailFrom === undefined) {
    throw new ConfigurationError("LATCHKEY_SMTP_URL needs --mail-from: the address that mails are from.");
  }
  const { createSmtpMailer } = await import("@latchkey/server/smtp");
  return createSmtpMailer({ url: smtpUrl, from: mailFrom });
}
