import { describe, expect, it } from "vitest";

import type { AuthServerOptions, Mail, MailOptions } from "../../src/index.ts";
import type { Answer, TestAuthority } from "../authority.ts";
import { expectRefusal, granted, PASSWORD, startAuthority } from "../authority.ts";

const ADA = "ada@example.com";
const NEW = "ada@new.example.com";
const LINKS = {
  verifyEmail: "https://app.example.com/verify",
  resetPassword: "https://app.example.com/reset",
  changeEmail: "https://app.example.com/change",
};
const CONFIRM = "Confirm your new e-mail address";
const ASKED = "Your e-mail address is about to change";
const CHANGED = "Your e-mail address was changed";

interface Mailbox {
  readonly authority: TestAuthority;
  readonly mails: Mail[];
  /** Resolves with the newest mail of this subject to this address, once there are so many. */
  readonly mail: (subject: string, to: string, count?: number) => Promise<Mail>;
}

async function start(
  options: Partial<AuthServerOptions> = {},
  mailOptions: Partial<MailOptions> = {},
): Promise<Mailbox> {
  const mails: Mail[] = [];
  const mailer = { send: async (mail: Mail) => void mails.push(mail) };
  const authority = await startAuthority({ mail: { mailer, links: LINKS, ...mailOptions }, ...options });
  return {
    authority,
    mails,
    async mail(subject, to, count = 1) {
      const found = () => mails.filter((mail) => mail.subject === subject && mail.to === to);
      await expect.poll(() => found().length).toBe(count);
      const newest = found().at(-1);
      if (newest === undefined) throw new Error("There is no such mail.");
      return newest;
    },
  };
}

const tokenOf = ({ text }: Mail): string => /#token=([\w.-]+)$/m.exec(text)?.[1] ?? expect.fail(text);

const ask = (authority: TestAuthority, token: string, changes: object = {}): Promise<Answer> =>
  authority.call("POST", "/auth/email/change", { token, json: { email: NEW, password: PASSWORD, ...changes } });
const confirm = (authority: TestAuthority, token: string, by: { password?: string; token?: string }): Promise<Answer> =>
  authority.call("POST", "/auth/email/change/confirm", {
    json: { token, ...(by.password !== undefined && { password: by.password }) },
    ...(by.token !== undefined && { token: by.token }),
  });
const signIn = (authority: TestAuthority, email: string, password = PASSWORD): Promise<Answer> =>
  authority.call("POST", "/auth/login", { json: { email, password } });

describe("a change of the e-mail address", () => {
  it("SE-06: takes place by the link mailed to the new address, ends all other sessions, and the old one is told before and after", async () => {
    const { authority, mail } = await start();
    const session = await authority.signedIn();
    const elsewhere = await authority.signedIn();

    expect((await ask(authority, session.access_token, { email: NEW.toUpperCase() })).status).toBe(202);
    const link = await mail(CONFIRM, NEW);
    const notice = await mail(ASKED, ADA);
    expect(link.text).toContain(`${LINKS.changeEmail}#token=`);
    expect(notice.text).toContain("change your password at once");
    expect(notice.text).not.toMatch(/token|new\.example/);
    expect((await signIn(authority, ADA)).status).toBe(200);
    expectRefusal(await signIn(authority, NEW), 401, "invalid_credentials");

    expect((await confirm(authority, tokenOf(link), { token: session.access_token })).status).toBe(204);

    await mail(CHANGED, ADA);
    const { body } = await authority.call("GET", "/auth/me", { token: session.access_token });
    expect(body).toMatchObject({ user: { email: NEW, email_verified: true } });
    granted(await authority.refresh(session.refresh_token));
    expectRefusal(await authority.refresh(elsewhere.refresh_token), 401, "session_ended");
    expectRefusal(await signIn(authority, ADA), 401, "invalid_credentials");
    expect((await signIn(authority, NEW)).status).toBe(200);
  });

  it("leaves sessions as they are where the operator wants it so", async () => {
    const { authority, mail } = await start({}, { emailChangeEnds: "nothing" });
    const session = await authority.signedIn();
    const elsewhere = await authority.signedIn();
    await ask(authority, session.access_token);
    await confirm(authority, tokenOf(await mail(CONFIRM, NEW)), { token: session.access_token });
    await mail(CHANGED, ADA);
    granted(await authority.refresh(elsewhere.refresh_token));
  });

  it("is confirmed with the password, too, where nobody is signed in; then every session ends", async () => {
    const { authority, mail } = await start();
    const session = await authority.signedIn();
    await ask(authority, session.access_token);
    const token = tokenOf(await mail(CONFIRM, NEW));
    expectRefusal(await confirm(authority, token, {}), 401, "missing_token");
    expect((await confirm(authority, token, { password: PASSWORD })).status).toBe(204);
    expectRefusal(await authority.refresh(session.refresh_token), 401, "session_ended");
  });

  it("SE-06: is not even asked for without the password, by whoever has an access token", async () => {
    const { authority, mails } = await start();
    const session = await authority.signedIn();
    expectRefusal(await ask(authority, session.access_token, { password: "wrong" }), 401, "invalid_credentials");
    expectRefusal(await ask(authority, "no-token"), 401, "invalid_token");
    await authority.server.close();
    expect(mails.filter(({ subject }) => subject === ASKED || subject === CONFIRM)).toEqual([]);
  });

  it("H-01: is answered alike whether or not the new address has an account; only its owner is told", async () => {
    const { authority, mail, mails } = await start();
    const session = await authority.signedIn();
    await authority.call("POST", "/auth/signup", { json: { email: "bob@example.com", password: PASSWORD } });
    const [free, taken] = [
      await ask(authority, session.access_token),
      await ask(authority, session.access_token, { email: "bob@example.com" }),
    ];
    expect(taken.status).toBe(free.status);
    expect([...taken.headers]).toEqual([...free.headers]);
    await mail(ASKED, ADA, 2);
    const toBob = await mail("You have an account already", "bob@example.com");
    expect(toBob.text).not.toContain("token");
    expect(mails.filter(({ to, subject }) => to === "bob@example.com" && subject === CONFIRM)).toEqual([]);
  });

  it("H-04: is not made by the link alone: neither by a stranger, nor by somebody else's account", async () => {
    const { authority, mail } = await start();
    const session = await authority.signedIn();
    const stranger = await authority.signedIn({ email: "mallory@example.com" });
    await ask(authority, session.access_token);
    const token = tokenOf(await mail(CONFIRM, NEW));
    expectRefusal(await confirm(authority, token, { token: stranger.access_token }), 400, "invalid_token");
    expectRefusal(await confirm(authority, token, { password: "wrong" }), 400, "invalid_token");
    expect((await confirm(authority, token, { token: session.access_token })).status).toBe(204);
  });

  it("H-03 E-16: is made once, also by ten uses of one link at once, and not again after the address came back", async () => {
    const { authority, mail } = await start();
    const { access_token: by } = await authority.signedIn();
    await ask(authority, by);
    const token = tokenOf(await mail(CONFIRM, NEW));
    const answers = await Promise.all(Array.from({ length: 10 }, () => confirm(authority, token, { token: by })));
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 204)) expectRefusal(answer, 400, "invalid_token");

    expect((await ask(authority, by, { email: ADA })).status).toBe(202);
    expect((await confirm(authority, tokenOf(await mail(CONFIRM, ADA)), { token: by })).status).toBe(204);
    // The account is as it was when the first link was made, and the link is used all the same.
    expectRefusal(await confirm(authority, token, { token: by }), 400, "invalid_token");
  });

  it("C-06: has a token that is good for nothing else, and no other mailed token is good for it", async () => {
    const { authority, mail } = await start();
    const { access_token: by, refresh_token: refreshToken } = await authority.signedIn();
    await ask(authority, by);
    const token = tokenOf(await mail(CONFIRM, NEW));
    const json = { token, password: "another correct horse battery" };
    expectRefusal(await authority.call("POST", "/auth/password/reset", { json }), 400, "invalid_token");
    expectRefusal(
      await authority.call("POST", "/auth/email/verify", { json: { token }, token: by }),
      400,
      "invalid_token",
    );
    expectRefusal(await authority.call("GET", "/auth/me", { token }), 401, "invalid_token");
    expectRefusal(await authority.refresh(token), 401, "session_ended");

    await authority.call("POST", "/auth/password/forgot", { json: { email: ADA } });
    const others = [
      tokenOf(await mail("Choose a new password", ADA)),
      tokenOf(await mail("Confirm your e-mail address", ADA)),
    ];
    for (const other of [...others, by, refreshToken, `${token.slice(0, -4)}AAAA`, "x"]) {
      expectRefusal(await confirm(authority, other, { token: by }), 400, "invalid_token");
    }
  });

  it("is stopped by a new password, and after an hour", async () => {
    const { authority, mail } = await start();
    const session = await authority.signedIn();
    await ask(authority, session.access_token);
    const stopped = tokenOf(await mail(CONFIRM, NEW));
    const json = { current_password: PASSWORD, new_password: "another correct horse battery" };
    expect((await authority.call("POST", "/auth/password", { token: session.access_token, json })).status).toBe(204);
    expectRefusal(await confirm(authority, stopped, { token: session.access_token }), 400, "invalid_token");

    expect((await ask(authority, session.access_token, { password: json.new_password })).status).toBe(202);
    const late = tokenOf(await mail(CONFIRM, NEW, 2));
    authority.advance(3_700);
    expectRefusal(await confirm(authority, late, { password: json.new_password }), 400, "invalid_token");
  });

  it("is refused where somebody has made an account of the new address meanwhile, and ends no session then", async () => {
    const { authority, mail } = await start();
    const session = await authority.signedIn();
    const elsewhere = await authority.signedIn();
    await ask(authority, session.access_token);
    const token = tokenOf(await mail(CONFIRM, NEW));
    await authority.call("POST", "/auth/signup", { json: { email: NEW, password: PASSWORD } });
    expectRefusal(await confirm(authority, token, { token: session.access_token }), 400, "invalid_token");
    granted(await authority.refresh(elsewhere.refresh_token));
  });

  it("makes links worthless that were mailed to the old address for a new password", async () => {
    const { authority, mail } = await start();
    const { access_token: by } = await authority.signedIn();
    await authority.call("POST", "/auth/password/forgot", { json: { email: ADA } });
    const token = tokenOf(await mail("Choose a new password", ADA));
    await ask(authority, by);
    await confirm(authority, tokenOf(await mail(CONFIRM, NEW)), { token: by });
    const json = { token, password: "another correct horse battery" };
    expectRefusal(await authority.call("POST", "/auth/password/reset", { json }), 400, "invalid_token");
  });

  it("H-07: takes one plain address, and not the account's own", async () => {
    const { authority, mails } = await start();
    const { access_token: by } = await authority.signedIn();
    const addresses = [
      `${NEW}\r\nBcc: x@example.com`,
      `${NEW},x@example.com`,
      `Ada <${NEW}>`,
      `"a b"@example.com`,
      "",
      ADA,
    ];
    for (const email of addresses) expectRefusal(await ask(authority, by, { email }), 400, "invalid_request");
    await authority.server.close();
    expect(mails.filter(({ subject }) => subject === CONFIRM)).toEqual([]);
  });

  it("H-02: has its link from the configuration, whatever the request says", async () => {
    const { authority, mail } = await start();
    const { access_token: token } = await authority.signedIn();
    await authority.call("POST", "/auth/email/change", {
      token,
      json: { email: NEW, password: PASSWORD },
      headers: { Host: "evil.example", "X-Forwarded-Host": "evil.example", Origin: "https://auth.example.com" },
    });
    expect((await mail(CONFIRM, NEW)).text).not.toContain("evil");
  });

  it("can be asked for a few times an hour for one address", async () => {
    const { authority } = await start();
    const { access_token: by } = await authority.signedIn();
    for (let time = 0; time < 3; time++) expect((await ask(authority, by)).status).toBe(202);
    expectRefusal(await ask(authority, by), 429, "rate_limited");
  });

  it("does not exist where there is no page for its link", async () => {
    const { authority } = await start(
      {},
      { links: { verifyEmail: LINKS.verifyEmail, resetPassword: LINKS.resetPassword } },
    );
    const { access_token: by } = await authority.signedIn();
    expectRefusal(await ask(authority, by), 404, "not_found");
    expectRefusal(await confirm(authority, "x", { token: by }), 404, "not_found");
  });
});
