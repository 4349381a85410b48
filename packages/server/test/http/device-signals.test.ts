import { describe, expect, it } from "vitest";

import type { AuthServerOptions, Mail } from "../../src/index.ts";
import { createSqliteStore } from "../../src/index.ts";
import type { Answer, TestAuthority } from "../authority.ts";
import { expectRefusal, granted, PASSWORD, startAuthority } from "../authority.ts";
import { createDpopClient } from "../dpop-client.ts";

const ADA = "ada@example.com";
const firefox = (version: number) =>
  `Mozilla/5.0 (X11; Linux x86_64; rv:${version}.0) Gecko/20100101 Firefox/${version}.0`;
const CHROME =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
const LINKS = { verifyEmail: "https://app.example.com/verify", resetPassword: "https://app.example.com/reset" };

/** An authority that locates addresses by their first number, and its mails. */
async function start(options: Partial<AuthServerOptions> = {}) {
  const mails: Mail[] = [];
  const authority = await startAuthority({
    trustedProxies: ["203.0.113.9"],
    locate: (ip) =>
      ({ "10": { country: "DE", region: "BE" }, "11": { country: "DE", region: "HH" }, "20": { country: "JP" } })[
        ip.split(".")[0] ?? ""
      ],
    mail: { mailer: { send: async (mail) => void mails.push(mail) }, links: LINKS },
    ...options,
  });
  await authority.call("POST", "/auth/signup", { json: { email: ADA, password: PASSWORD } });
  const sent = (subject: string) => mails.filter((mail) => mail.subject === subject);
  return { authority, sent };
}

const from = (userAgent: string, ip = "10.0.0.1") => ({ "User-Agent": userAgent, "X-Forwarded-For": ip });
const signIn = (authority: TestAuthority, headers: Record<string, string>): Promise<Answer> =>
  authority.call("POST", "/auth/login", { json: { email: ADA, password: PASSWORD }, headers });
const NOTED = "Your session is used from another device";
const NEW = "New sign-in to your account";

describe("a session", () => {
  it("SE-04: shows the device and the coarse place it was last seen with, and when", async () => {
    const { authority } = await start();
    const session = granted(await signIn(authority, from(firefox(140))));
    authority.advance(3_600);
    const next = granted(await authority.refresh(session.refresh_token, from(firefox(141), "11.0.0.1")));
    const { body } = await authority.call("GET", "/auth/sessions", { token: next.access_token });
    expect(body).toMatchObject({
      sessions: [
        {
          device: firefox(141),
          device_name: "Firefox on Linux",
          place: "DE-HH",
          ip: "10.0.0.1",
          last_seen_at: "2027-01-15T09:00:00.000Z",
        },
      ],
    });
  });

  it("H-08: keeps of what a client calls itself 256 characters, and none that moves a cursor or breaks a line", async () => {
    const { authority } = await start();
    const hostile = `\u001b[31mEvil\u009b2J\u0007\t"<script>" ${"x".repeat(2_000)}`;
    const session = granted(await signIn(authority, from(hostile)));
    const { body } = await authority.call("GET", "/auth/me", { token: session.access_token });
    const { session: seen } = body as { session: { device: string; device_name: null } };
    expect(seen.device).toBe(`[31mEvil2J"<script>" ${"x".repeat(2_000)}`.slice(0, 256));
    expect(seen.device_name).toBeNull();
  });

  it("goes on where nobody can be located: the database is away, slow, or talks nonsense (OP-03)", async () => {
    const faults: AuthServerOptions["locate"][] = [
      () => {
        throw new Error("no database");
      },
      () => Promise.reject(new Error("no database")),
      () => new Promise(() => undefined),
      () => ({ country: "Germany\r\n" }),
    ];
    for (const locate of faults) {
      const { authority } = await start({ ...(locate !== undefined && { locate }), deviceSignals: "revoke" });
      const session = granted(await signIn(authority, from(firefox(140))));
      const next = granted(await authority.refresh(session.refresh_token, from(firefox(140), "20.0.0.1")));
      const { body } = await authority.call("GET", "/auth/sessions", { token: next.access_token });
      expect(body).toMatchObject({ sessions: [{ place: null }] });
    }
  });
});

describe("a refresh that fits the session's device", () => {
  it.each(["notify", "step-up", "revoke"] as const)(
    "is a refresh like any other with %s: an update, another network, a journey, again and again (G1)",
    async (deviceSignals) => {
      const { authority, sent } = await start({ deviceSignals });
      let session = granted(await signIn(authority, from(firefox(140))));
      for (const [version, ip, after] of [
        [141, "10.0.0.2", 600],
        [141, "11.7.7.7", 1],
        [160, "20.0.0.1", 86_400],
        [160, "20.0.0.2", 600],
        [161, "10.0.0.1", 86_400],
        [161, "99.0.0.1", 1],
        [161, "20.0.0.1", 1],
      ] as const) {
        authority.advance(after);
        session = granted(await authority.refresh(session.refresh_token, from(firefox(version), ip)));
      }
      await authority.server.close();
      expect(sent(NOTED)).toEqual([]);
    },
  );
});

const IMPLAUSIBLE = [
  ["another browser on another system", from(CHROME)],
  ["a program", from("curl/8.9.1")],
  ["the other end of the world, a minute later", from(firefox(140), "20.0.0.1")],
] as const;

describe.each(IMPLAUSIBLE)("a refresh from %s", (_name, elsewhere) => {
  it("is a refresh like any other by default", async () => {
    const { authority } = await start();
    const session = granted(await signIn(authority, from(firefox(140))));
    granted(await authority.refresh(session.refresh_token, elsewhere));
  });

  it("ends the session with `revoke`, for both: the thief gets nothing, and the event says why", async () => {
    const { authority } = await start({ deviceSignals: "revoke" });
    const session = granted(await signIn(authority, from(firefox(140))));
    authority.advance(60);
    expectRefusal(await authority.refresh(session.refresh_token, elsewhere), 401, "session_ended");
    expectRefusal(await authority.refresh(session.refresh_token, from(firefox(140))), 401, "session_ended");
    expectRefusal(await authority.call("GET", "/auth/me", { token: session.access_token }), 401, "invalid_token");
    expect(authority.logs.join("\n")).toContain("a session was refreshed from what cannot be its device");
  });

  it("G3: ends the session with `revoke` in whatever order it meets refreshes of the device itself", async () => {
    const { authority } = await start({ deviceSignals: "revoke" });
    for (let round = 0; round < 5; round++) {
      const session = granted(await signIn(authority, from(firefox(140))));
      authority.advance(60);
      const headers = { ...from(firefox(140)), "Latchkey-Attempt": `attempt-of-the-device-${round}` };
      const [own] = await Promise.all([
        authority.refresh(session.refresh_token, headers),
        authority.refresh(session.refresh_token, {
          ...elsewhere,
          "Latchkey-Attempt": `attempt-from-elsewhere-${round}`,
        }),
        authority.refresh(session.refresh_token, headers),
      ]);
      const latest = own.status === 200 ? granted(own).refresh_token : session.refresh_token;
      expectRefusal(await authority.refresh(latest, headers), 401, "session_ended");
    }
  });

  it("is refused with `step-up`, as often as it is tried, and the session goes on where it was", async () => {
    const { authority } = await start({ deviceSignals: "step-up" });
    const session = granted(await signIn(authority, from(firefox(140))));
    authority.advance(60);
    for (let time = 0; time < 3; time++) {
      const refused = await authority.refresh(session.refresh_token, elsewhere);
      expectRefusal(refused, 401, "insufficient_user_authentication");
    }
    granted(await authority.refresh(session.refresh_token, from(firefox(140))));
    granted(await signIn(authority, elsewhere));
  });

  it("is recorded and told once an hour, however often it is asked: whoever has a token fills neither log nor mailbox (OP-02)", async () => {
    for (const deviceSignals of ["step-up", "notify"] as const) {
      const { authority, sent } = await start({ deviceSignals });
      const store = createSqliteStore({ path: authority.path });
      const session = granted(await signIn(authority, from(firefox(140))));
      const headers = { "Latchkey-Attempt": "attempt-of-the-other-device" };
      authority.advance(60);
      await authority.refresh(session.refresh_token, { ...from(firefox(140)), ...headers });
      for (let time = 0; time < 5; time++) {
        await authority.refresh(session.refresh_token, { ...elsewhere, ...headers });
      }
      const recorded = (await store.events.listEvents(0, 100)).filter(({ type }) => type === "device_changed");
      expect(recorded).toHaveLength(1);
      expect(recorded[0]).toMatchObject({ sessionId: session.session_id, userId: session.user.id });
      await Promise.all([store.close(), authority.server.close()]);
      expect(sent(NOTED)).toHaveLength(deviceSignals === "notify" ? 1 : 0);
    }
  });

  it("is told to the user with `notify`, once, and goes on from there", async () => {
    const { authority, sent } = await start({ deviceSignals: "notify" });
    const session = granted(await signIn(authority, from(firefox(140))));
    authority.advance(60);
    let next = granted(await authority.refresh(session.refresh_token, elsewhere));
    for (let time = 0; time < 2; time++) {
      authority.advance(60);
      next = granted(await authority.refresh(next.refresh_token, elsewhere));
    }
    await authority.server.close();
    expect(sent(NOTED)).toHaveLength(1);
    expect(sent(NOTED)[0]?.to).toBe(ADA);
  });

  it("G2: of a copy that is used beside the original ends the session with any policy, as ever", async () => {
    for (const deviceSignals of ["off", "notify", "revoke"] as const) {
      const { authority } = await start({ deviceSignals, retryWindowSeconds: 0 });
      const session = granted(await signIn(authority, from(firefox(140))));
      granted(await authority.refresh(session.refresh_token, from(firefox(140))));
      authority.advance(60);
      expectRefusal(await authority.refresh(session.refresh_token, elsewhere), 401, "session_ended");
      expectRefusal(await authority.call("GET", "/auth/me", { token: session.access_token }), 401, "invalid_token");
    }
  });

  it("is none with a bound session: the key says more than any sign", async () => {
    const { authority } = await start({ deviceSignals: "revoke" });
    const client = await createDpopClient(authority.now);
    const session = granted(
      await authority.call("POST", "/auth/login", {
        json: { email: ADA, password: PASSWORD },
        headers: { ...from(firefox(140)), ...(await client.prove("POST", "/auth/login")) },
      }),
    );
    const headers = { ...elsewhere, ...(await client.prove("POST", "/auth/refresh")) };
    granted(await authority.refresh(session.refresh_token, headers));
  });
});

describe("a sign-in", () => {
  it("from a kind of device that is new is told to the user; the first, and those that are known, are not", async () => {
    const { authority, sent } = await start();
    granted(await signIn(authority, from(firefox(140))));
    granted(await signIn(authority, from(firefox(155), "11.2.3.4")));
    await expect.poll(() => sent(NEW)).toEqual([]);

    authority.advance(60);
    granted(await signIn(authority, from(CHROME)));
    await expect.poll(() => sent(NEW).length).toBe(1);
    expect(sent(NEW)[0]).toEqual({
      to: ADA,
      subject: NEW,
      text: expect.stringContaining(
        "Device: Chrome on Windows\nWhere: DE-BE (country code)\nWhen: 2027-01-15 08:01 UTC\n",
      ),
    });
    granted(await signIn(authority, from(CHROME)));
    granted(await signIn(authority, from(firefox(160), "20.1.1.1")));
    await expect.poll(() => sent(NEW).length).toBe(2);
    await authority.server.close();
    expect(sent(NEW).map(({ text }) => /Where: (\S+)/.exec(text)?.[1])).toEqual(["DE-BE", "JP"]);
  });

  it("is announced once, of many at once from one new kind of device", async () => {
    const { authority, sent } = await start();
    granted(await signIn(authority, from(firefox(140))));
    await Promise.all(Array.from({ length: 6 }, () => signIn(authority, from(CHROME))));
    await authority.server.close();
    expect(sent(NEW)).toHaveLength(1);
  });

  it("H-08: is described in no words of whoever signed in", async () => {
    const { authority, sent } = await start();
    granted(await signIn(authority, from(firefox(140))));
    granted(await signIn(authority, from("You won: http://evil.example/1 (click) ")));
    await expect.poll(() => sent(NEW).length).toBe(1);
    expect(sent(NEW)[0]?.text).toContain("Device: not recognised\n");
    expect(JSON.stringify(sent(NEW))).not.toContain("evil");
  });

  it("with a wrong password is not announced, nor is any where the operator does not want it", async () => {
    const { authority, sent } = await start();
    granted(await signIn(authority, from(firefox(140))));
    const json = { email: ADA, password: "wrong" };
    expectRefusal(
      await authority.call("POST", "/auth/login", { json, headers: from(CHROME) }),
      401,
      "invalid_credentials",
    );
    await authority.server.close();
    expect(sent(NEW)).toEqual([]);

    const mails: Mail[] = [];
    const mailer = { send: async (mail: Mail) => void mails.push(mail) };
    const quiet = await start({ mail: { mailer, links: LINKS, newDeviceNotice: false } });
    for (const agent of [firefox(140), CHROME]) granted(await signIn(quiet.authority, from(agent)));
    await quiet.authority.server.close();
    expect(mails.filter(({ subject }) => subject === NEW)).toEqual([]);
  });
});
