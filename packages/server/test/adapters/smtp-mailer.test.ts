import type { AddressInfo } from "node:net";

import { SMTPServer } from "smtp-server";
import { describe, expect, it, onTestFinished } from "vitest";

import { createSmtpMailer } from "../../src/adapters/smtp-mailer.ts";

interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | undefined;
  readonly message: string;
}

/** A real mail server on loopback. */
async function startSmtp(): Promise<{ readonly port: number; readonly received: readonly Received[] }> {
  const received: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: ["STARTTLS"],
    onAuth({ username, password }, _session, done) {
      done(password === "p:w" ? null : new Error("wrong"), { user: username });
    },
    onData(stream, { envelope, user }, done) {
      let message = "";
      stream.on("data", (chunk: Buffer) => (message += chunk.toString()));
      stream.on("end", () => {
        const from = envelope.mailFrom === false ? "" : envelope.mailFrom.address;
        received.push({
          from,
          to: envelope.rcptTo.map(({ address }) => address),
          user: user as string | undefined,
          message,
        });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
      }),
  );
  return { port: (server.server.address() as AddressInfo).port, received };
}

const from = '"Example" <no-reply@example.com>';

describe("mail over SMTP", () => {
  it("is delivered, signed in to the server, with its text as it is", async () => {
    const { port, received } = await startSmtp();
    const mailer = createSmtpMailer({ url: `smtp://app:p%3Aw@127.0.0.1:${port}`, from });
    await mailer.send({ to: "ada@example.com", subject: "Hello", text: "https://app.example.com/reset#token=a.b.c\n" });
    expect(received).toMatchObject([{ from: "no-reply@example.com", to: ["ada@example.com"], user: "app" }]);
    expect(received[0]?.message).toContain("https://app.example.com/reset#token=a.b.c");
    expect(received[0]?.message).toContain("Subject: Hello");
  });

  it("rejects where the server is away, or refuses the password", async () => {
    const { port, received } = await startSmtp();
    const mail = { to: "ada@example.com", subject: "Hello", text: "World" };
    await expect(createSmtpMailer({ url: `smtp://app:no@127.0.0.1:${port}`, from }).send(mail)).rejects.toThrow(
      /Invalid login/,
    );
    await expect(createSmtpMailer({ url: "smtp://127.0.0.1:1", from }).send(mail)).rejects.toThrow(/ECONNREFUSED/);
    expect(received).toEqual([]);
  });

  it("H-07: goes to one address, whatever stands in it", async () => {
    const { port, received } = await startSmtp();
    const mailer = createSmtpMailer({ url: `smtp://127.0.0.1:${port}`, from });
    await mailer
      .send({ to: "ada@example.com, eve@example.com", subject: "Hello", text: "World" })
      .catch(() => undefined);
    expect(received.flatMap(({ to }) => to)).not.toContain("eve@example.com");
  });

  it.each(["mail.example.com", "https://mail.example.com", "smtp://", ""])("refuses %j as a server", (url) => {
    expect(() => createSmtpMailer({ url, from })).toThrow(/^SMTP url: must be smtps:/);
  });
});
