import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it, onTestFinished } from "vitest";

import type { Mail } from "../../src/index.ts";
import { createFolderMailer } from "../../src/index.ts";
import type { Answer, TestAuthority } from "../authority.ts";
import { expectRefusal, PASSWORD, startAuthority } from "../authority.ts";

const ADA = "ada@example.com";
const NEW_PASSWORD = "another correct horse battery";
const LINKS = { verifyEmail: "https://app.example.com/verify", resetPassword: "https://app.example.com/reset" };

interface Mailbox {
  readonly authority: TestAuthority;
  readonly mails: readonly Mail[];
  /** The token of the newest mail with this subject, once there are so many. */
  readonly token: (subject: string, count?: number) => Promise<string>;
}

async function startWithMail(options: Parameters<typeof startAuthority>[0] = {}): Promise<Mailbox> {
  const mails: Mail[] = [];
  const mailer = { send: async (mail: Mail) => void mails.push(mail) };
  const authority = await startAuthority({ mail: { mailer, links: LINKS }, ...options });
  return {
    authority,
    mails,
    async token(subject, count = 1) {
      await expect.poll(() => mails.filter((mail) => mail.subject === subject).length).toBe(count);
      const text = mails.findLast((mail) => mail.subject === subject)?.text ?? "";
      return /#token=([\w.-]+)$/m.exec(text)?.[1] ?? "";
    },
  };
}

const RESET = "Choose a new password";
const VERIFY = "Confirm your e-mail address";

const forgot = (authority: TestAuthority, email = ADA): Promise<Answer> =>
  authority.call("POST", "/auth/password/forgot", { json: { email } });
const reset = (authority: TestAuthority, token: string, password = NEW_PASSWORD): Promise<Answer> =>
  authority.call("POST", "/auth/password/reset", { json: { token, password } });
const signIn = (authority: TestAuthority, password: string): Promise<Answer> =>
  authority.call("POST", "/auth/login", { json: { email: ADA, password } });

describe("a forgotten password", () => {
  it("is set anew by the mailed link: the old one is wrong, every session is over, nobody is signed in by it", async () => {
    const { authority, token } = await startWithMail();
    const session = await authority.signedIn();
    expect((await forgot(authority)).status).toBe(202);

    const answer = await reset(authority, await token(RESET));

    expect(answer.status).toBe(204);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expectRefusal(await authority.refresh(session.refresh_token), 401, "session_ended");
    expectRefusal(await signIn(authority, PASSWORD), 401, "invalid_credentials");
    expect((await signIn(authority, NEW_PASSWORD)).status).toBe(200);
  });

  it("PW-05: is answered alike whether or not there is such an account, and only the owner gets a mail", async () => {
    const { authority, mails, token } = await startWithMail();
    await authority.signedIn();
    const [known, unknown] = [await forgot(authority), await forgot(authority, "nobody@example.com")];
    await token(RESET);

    expect(unknown.status).toBe(known.status);
    expect(unknown.body).toEqual(known.body);
    expect([...unknown.headers]).toEqual([...known.headers]);
    expect(mails.map(({ to }) => to)).not.toContain("nobody@example.com");
  });

  it("PW-06 H-02: has its link from the configuration, with the token in the fragment, whatever the request says", async () => {
    const { authority, mails, token } = await startWithMail();
    await authority.signedIn();
    const headers = { Host: "evil.example", "X-Forwarded-Host": "evil.example", Origin: "https://auth.example.com" };
    await authority.call("POST", "/auth/password/forgot", { json: { email: ADA }, headers });
    await token(RESET);
    const { text } = mails.find(({ subject }) => subject === RESET) ?? { text: "" };
    expect(text).toContain(`${LINKS.resetPassword}#token=`);
    expect(text).not.toContain("evil");
  });

  it("PW-06 H-03 E-16: has a link that works once, also of ten uses at the same moment", async () => {
    const { authority, token } = await startWithMail();
    await authority.signedIn();
    await forgot(authority);
    const mailed = await token(RESET);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => reset(authority, mailed, `${NEW_PASSWORD} ${index}`)),
    );
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 204)) expectRefusal(answer, 400, "invalid_token");
    expectRefusal(await reset(authority, mailed), 400, "invalid_token");
  });

  it("has a link that dies with a change of the password by other means, and after half an hour", async () => {
    const { authority, token } = await startWithMail();
    const { access_token: accessToken } = await authority.signedIn();
    await forgot(authority);
    const overtaken = await token(RESET);
    const json = { current_password: PASSWORD, new_password: NEW_PASSWORD };
    expect((await authority.call("POST", "/auth/password", { token: accessToken, json })).status).toBe(204);
    expectRefusal(await reset(authority, overtaken), 400, "invalid_token");

    await forgot(authority);
    const late = await token(RESET, 2);
    authority.advance(1_900);
    expectRefusal(await reset(authority, late), 400, "invalid_token");
  });

  it("refuses a weak password and lets the same link be used again", async () => {
    const { authority, token } = await startWithMail();
    await authority.signedIn();
    await forgot(authority);
    const mailed = await token(RESET);
    expectRefusal(await reset(authority, mailed, "short"), 400, "weak_password");
    expect((await reset(authority, mailed)).status).toBe(204);
  });

  it("C-06: takes no token of another kind, and its own serves for nothing else", async () => {
    const { authority, token } = await startWithMail();
    const session = await authority.signedIn();
    const verification = await token(VERIFY);
    await forgot(authority);
    const mailed = await token(RESET);
    for (const other of [verification, session.access_token, session.refresh_token, `${mailed}x`, "x"]) {
      expectRefusal(await reset(authority, other), 400, "invalid_token");
    }
    const json = { token: mailed, password: PASSWORD };
    expectRefusal(await authority.call("POST", "/auth/email/verify", { json }), 400, "invalid_token");
    expectRefusal(await authority.call("GET", "/auth/me", { token: mailed }), 401, "invalid_token");
    expectRefusal(await authority.refresh(mailed), 401, "session_ended");
  });

  it("is unlocked by it where it was guessed wrong a hundred times", async () => {
    const { authority, token } = await startWithMail({ rateLimits: false });
    await authority.signedIn();
    for (let index = 0; index < 100; index++) await signIn(authority, "wrong");
    expectRefusal(await signIn(authority, PASSWORD), 401, "invalid_credentials");
    await forgot(authority);
    await reset(authority, await token(RESET));
    expect((await signIn(authority, NEW_PASSWORD)).status).toBe(200);
  });

  it("is asked for three times an hour at most, for accounts that exist and those that do not", async () => {
    const { authority } = await startWithMail();
    await authority.signedIn();
    for (const email of [ADA, "nobody@example.com"]) {
      for (let index = 0; index < 3; index++) expect((await forgot(authority, email)).status).toBe(202);
      expectRefusal(await forgot(authority, email), 429, "rate_limited");
    }
  });

  it("is told of afterwards", async () => {
    const { authority, mails, token } = await startWithMail();
    await authority.signedIn();
    await forgot(authority);
    await reset(authority, await token(RESET));
    await expect.poll(() => mails.at(-1)?.subject).toBe("Your password was changed");
  });
});

describe("an e-mail address", () => {
  const verify = (authority: TestAuthority, token: string, proof: { password?: string; accessToken?: string }) =>
    authority.call("POST", "/auth/email/verify", {
      json: { token, ...(proof.password !== undefined && { password: proof.password }) },
      ...(proof.accessToken !== undefined && { token: proof.accessToken }),
    });

  it.each(["password", "access token"] as const)("is confirmed by the mailed link with the %s, once", async (by) => {
    const { authority, token } = await startWithMail();
    const { access_token: accessToken } = await authority.signedIn();
    const mailed = await token(VERIFY);
    const proof = by === "password" ? { password: PASSWORD } : { accessToken };

    expect((await verify(authority, mailed, proof)).status).toBe(204);

    const { body } = await authority.call("GET", "/auth/me", { token: accessToken });
    expect(body).toMatchObject({ user: { email_verified: true } });
    expectRefusal(await verify(authority, mailed, proof), 400, "invalid_token");
  });

  it("PW-07 H-04: is not confirmed by its owner for somebody who made the account with a password of theirs", async () => {
    const { authority, token } = await startWithMail();
    // The attacker's account, with the victim's address.
    const attacker = await authority.signedIn();
    const mailed = await token(VERIFY);
    expectRefusal(await verify(authority, mailed, {}), 401, "missing_token");
    expectRefusal(await verify(authority, mailed, { password: "what the victim would choose" }), 400, "invalid_token");

    // The victim signs up, is told of the account, and takes it over: the attacker is out.
    await authority.call("POST", "/auth/signup", { json: { email: ADA, password: NEW_PASSWORD } });
    expect((await reset(authority, await token("You have an account already"))).status).toBe(204);
    expectRefusal(await authority.refresh(attacker.refresh_token), 401, "session_ended");
    const { access_token: accessToken } = (await signIn(authority, NEW_PASSWORD)).body as { access_token: string };
    const { body } = await authority.call("GET", "/auth/me", { token: accessToken });
    expect(body).toMatchObject({ user: { email_verified: true } });
  });

  it("is not confirmed by somebody else who is signed in", async () => {
    const { authority, token } = await startWithMail();
    await authority.signedIn();
    const mailed = await token(VERIFY);
    const { access_token: accessToken } = await authority.signedIn({ email: "eve@example.com" });
    expectRefusal(await verify(authority, mailed, { accessToken }), 400, "invalid_token");
  });

  it("is written to once more on demand, and not when it is confirmed", async () => {
    const { authority, mails, token } = await startWithMail();
    const { access_token: accessToken } = await authority.signedIn();
    const first = await token(VERIFY);
    authority.advance(1);
    expect((await authority.call("POST", "/auth/email/resend", { token: accessToken })).status).toBe(202);
    await expect.poll(() => mails.filter(({ subject }) => subject === VERIFY).length).toBe(2);
    expect((await verify(authority, first, { accessToken })).status).toBe(204);
    expect((await authority.call("POST", "/auth/email/resend", { token: accessToken })).status).toBe(202);
    await authority.server.close();
    expect(mails.filter(({ subject }) => subject === VERIFY)).toHaveLength(2);
  });
});

describe("mail", () => {
  it("that cannot be sent is logged without its link, and changes no answer", async () => {
    const mailer = { send: () => Promise.reject(new Error("the mail server is away")) };
    const authority = await startAuthority({ mail: { mailer, links: LINKS } });
    await authority.signedIn();
    expect((await forgot(authority)).status).toBe(202);
    await expect.poll(() => authority.logs.join("\n")).toContain("the mail server is away");
    expect(authority.logs.join("\n")).not.toMatch(/token=|eyJ/);
  });

  it("is finished before the server is closed", async () => {
    const sent: string[] = [];
    const slow = {
      send: async ({ subject }: Mail) => {
        await new Promise((resolve) => {
          setTimeout(resolve, 200);
        });
        sent.push(subject);
      },
    };
    const authority = await startAuthority({ mail: { mailer: slow, links: LINKS } });
    await authority.call("POST", "/auth/signup", { json: { email: ADA, password: PASSWORD } });
    await authority.server.close();
    expect(sent).toEqual([VERIFY]);
  });

  it("is not there where none is configured", async () => {
    const authority = await startAuthority();
    expectRefusal(await forgot(authority), 404, "not_found");
    expectRefusal(await reset(authority, "x"), 404, "not_found");
  });

  it.each(["http://app.example.com/reset", "https://app.example.com/reset#here", "/reset"])(
    "refuses %s as a page to lead to",
    async (resetPassword) => {
      const mail = { mailer: createFolderMailer("/nowhere"), links: { ...LINKS, resetPassword } };
      await expect(startAuthority({ mail })).rejects.toThrow(/mail\.links\.resetPassword/);
    },
  );

  it("goes to a folder that only its owner can read, in development", async () => {
    const folder = join(mkdtempSync(join(tmpdir(), "latchkey-mail-")), "mail");
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    await createFolderMailer(folder).send({ to: ADA, subject: "Hello", text: "World" });
    const [name = ""] = readdirSync(folder);
    expect(readFileSync(join(folder, name), "utf8")).toBe(`To: ${ADA}\nSubject: Hello\n\nWorld`);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  });
});
