/**
 * `@latchkey/server/smtp`: mail over SMTP. Apart from the root entry, so that only who uses it needs `nodemailer`.
 *
 * @module
 */
import { createTransport } from "nodemailer";

import { ConfigurationError } from "../errors.ts";
import type { Mailer } from "../ports/mailer.ts";

export interface SmtpMailerOptions {
  /** For example `smtps://user:password@mail.example.com` (TLS from the start) or `smtp://…:587` (STARTTLS, demanded). */
  readonly url: string;
  /** Who writes, for example `"Example" <no-reply@example.com>`. */
  readonly from: string;
}

/** How long the mail server may take for each step, in milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * Sends over a few connections that are kept open. TLS is demanded, but for a server on this machine: links that set
 * passwords must not travel in the open.
 *
 * @throws ConfigurationError
 */
export function createSmtpMailer({ url, from }: SmtpMailerOptions): Mailer {
  const server = /^smtps?:\/\//.test(url) ? URL.parse(url) : null;
  if (server === null || server.hostname === "") {
    throw new ConfigurationError("SMTP url: must be smtps://user:password@host or smtp://user:password@host:587.");
  }
  if (from === "") throw new ConfigurationError("SMTP from: must be the address that mails are from.");
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(server.hostname);
  const secure = server.protocol === "smtps:";
  const port = server.port === "" ? (secure ? 465 : 587) : Number(server.port);
  const transport = createTransport({
    pool: true,
    host: server.hostname.replaceAll(/^\[|\]$/g, ""),
    port,
    secure,
    requireTLS: !secure && !isLocal,
    ...(server.username !== "" && {
      auth: { user: decodeURIComponent(server.username), pass: decodeURIComponent(server.password) },
    }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    // Texts are ours, and nothing in them may make the mailer read files or fetch URLs.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ to, subject, text }) {
      await transport.sendMail({ from, to: { name: "", address: to }, subject, text });
    },
  };
}
