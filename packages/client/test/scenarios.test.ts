import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { TestAuthority } from "./world/authority.ts";
import { ISSUER, openAuthority, USER } from "./world/authority.ts";
import type { Tab, TestBrowser } from "./world/browser.ts";
import { createBrowser } from "./world/browser.ts";
import { settle } from "./world/virtual-time.ts";

let authority: TestAuthority;
let browser: TestBrowser;

beforeAll(async () => {
  authority = await openAuthority();
});
afterAll(() => authority.close());
beforeEach(() => {
  browser = createBrowser({ issuer: ISSUER, server: (request) => authority.server.fetch(request) });
});

async function signedInTab(): Promise<Tab> {
  const tab = browser.openTab();
  const signingIn = tab.client.signIn(USER);
  await browser.runSmoothly(100);
  await signingIn;
  return tab;
}

/** Waits for what the network must first carry. */
async function smoothly<T>(promise: Promise<T>): Promise<T> {
  const caught = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await browser.runSmoothly(1_000);
  const outcome = await caught;
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

const refreshes = (): number => browser.network.passages.filter(({ path }) => path === "/auth/refresh").length;
const attemptKeys = (): readonly string[] => browser.jar.get("latchkey-attempt")?.split(".") ?? [];

describe("start", () => {
  test("asks nobody where no session is known", async () => {
    const tab = browser.openTab();
    expect(await tab.client.start()).toEqual({ status: "signed-out" });
    expect(browser.network.passages).toEqual([]);
  });

  test("finds the session of the cookie jar, under an attempt key written before the request", async () => {
    browser.closeTab(await signedInTab());
    const tab = browser.openTab();
    const starting = tab.client.start();
    expect(tab.client.getState()).toEqual({ status: "refreshing", session: undefined });
    await browser.time.pass(80);
    expect(browser.network.open()[0]?.sent.headers.get("Cookie")).toMatch(/latchkey-attempt=gen-0-[0-9a-v]{26}/);
    expect(await smoothly(starting)).toMatchObject({ status: "fresh", session: { user: { email: USER.email } } });
    expect(tab.events.map(({ type }) => type)).toEqual(["signed-in", "state"]);
  });

  test("in a second tab takes the first one's token, without a request", async () => {
    const first = await signedInTab();
    const second = browser.openTab();
    await smoothly(second.client.start());
    expect(refreshes()).toBe(0);
    expect(await second.client.getAccessToken()).toBe(await first.client.getAccessToken());
  });
});

describe("refresh", () => {
  test("comes before expiry, once for all tabs", async () => {
    const first = await signedInTab();
    const second = browser.openTab();
    await smoothly(second.client.start());
    await browser.runSmoothly(600_000);
    expect(refreshes()).toBe(1);
    expect(first.client.getState().status).toBe("fresh");
    expect(await second.client.getAccessToken()).toBe(await first.client.getAccessToken());
    expect(first.client.getSession()?.generation).toBe(1);
  });

  test("whose answers are all lost is asked again under the same key, and loses nothing", async () => {
    const tab = await signedInTab();
    void tab.client.refresh();
    for (let tries = 0; tries < 8; tries++) {
      await browser.time.pass(100);
      const [passage] = browser.network.open();
      await passage?.deliver();
      passage?.fail();
      await settle();
      expect(tab.client.getState()).toMatchObject({ status: "offline", cause: "no_answer" });
      expect(attemptKeys()).toHaveLength(1);
      await browser.time.pass(60_000);
    }
    await browser.runSmoothly(61_000);
    expect(tab.client.getState()).toMatchObject({ status: "fresh", session: { generation: 1 } });
  });

  test("is aborted when its time is up, before it is tried again", async () => {
    const tab = await signedInTab();
    void tab.client.refresh();
    await browser.time.pass(14_000);
    expect(browser.network.open()).toHaveLength(1);
    await browser.time.pass(1_100);
    expect(browser.network.open()).toHaveLength(0);
    expect(tab.client.getState().status).toBe("offline");
    await browser.time.pass(1_100);
    expect(browser.network.open()).toHaveLength(1);
  });

  test.each([
    ["a crash", () => new Response("oops", { status: 500 })],
    ["a captive portal", () => new Response("<html>Please pay</html>", { status: 200 })],
    ["a captive portal's 401", () => new Response("<html>Please pay</html>", { status: 401 })],
    ["session_ended with another status", () => Response.json({ error: "session_ended" }, { status: 403 })],
    ["half a session answer", () => Response.json({ access_token: "x" })],
    ["a refusal of the origin", () => Response.json({ error: "origin_not_allowed" }, { status: 403 })],
  ])("answered by %s drops nothing", async (_, forge) => {
    const tab = await signedInTab();
    void tab.client.refresh();
    await browser.time.pass(100);
    const [passage] = browser.network.open();
    passage?.forge(forge());
    passage?.answer();
    await settle();
    expect(tab.client.getState()).toMatchObject({ status: "offline", session: { user: { email: USER.email } } });
    expect(await tab.client.getAccessToken()).toMatch(/^ey/);
    await browser.runSmoothly(2_000);
    expect(tab.client.getState().status).toBe("fresh");
  });

  test("answered that this device must sign in again asks no more: the session is over here, and a sign-in begins another", async () => {
    const tab = await signedInTab();
    void tab.client.refresh();
    await browser.time.pass(100);
    const [passage] = browser.network.open();
    passage?.forge(Response.json({ error: "insufficient_user_authentication" }, { status: 401 }));
    passage?.answer();
    await settle();
    expect(tab.client.getState()).toEqual({ status: "ended", reason: "insufficient_user_authentication" });
    await expect(tab.client.getAccessToken()).rejects.toThrow("Nobody is signed in.");
    await browser.time.pass(3_600_000);
    expect(browser.network.open()).toHaveLength(0);
    await browser.runSmoothly(2_000);
    expect(tab.client.getState()).toEqual({ status: "ended", reason: "insufficient_user_authentication" });
  });

  test("keeps away for as long as Retry-After says, whoever asks", async () => {
    const tab = await signedInTab();
    void tab.client.refresh();
    await browser.time.pass(100);
    const [passage] = browser.network.open();
    passage?.forge(Response.json({ error: "unavailable" }, { status: 503, headers: { "Retry-After": "90" } }));
    passage?.answer();
    await settle();
    tab.wake();
    void tab.client.refresh();
    await browser.time.pass(89_000);
    expect(browser.network.open()).toHaveLength(0);
    await browser.time.pass(3_000);
    expect(browser.network.open()).toHaveLength(1);
  });

  test.each([
    ["superseded", 409],
    ["csrf_failed", 403],
  ])("answered by %s reads the jar again and goes on", async (error, status) => {
    const tab = await signedInTab();
    const refreshing = tab.client.refresh();
    await browser.time.pass(80);
    const [passage] = browser.network.open();
    passage?.forge(Response.json({ error }, { status }));
    passage?.answer();
    expect(await smoothly(refreshing)).toMatchObject({ status: "fresh" });
    expect(tab.events.map(({ type }) => type)).not.toContain("refresh-failed");
  });

  test("of a jar that went back by one generation gets the live token again", async () => {
    const tab = await signedInTab();
    await smoothly(tab.client.refresh());
    const old = browser.jar.copy();
    await smoothly(tab.client.refresh());
    const keys = browser.jar.get("latchkey-attempt");
    browser.jar.restore(old);
    browser.jar.page.cookie = `latchkey-attempt=${keys}; Path=/`;
    expect(await smoothly(tab.client.refresh())).toMatchObject({ status: "fresh", session: { generation: 2 } });
  });

  test("mends a malformed attempt cookie", async () => {
    const tab = await signedInTab();
    browser.jar.page.cookie = "latchkey-attempt=junk; Path=/";
    expect(await smoothly(tab.client.refresh())).toMatchObject({ status: "fresh" });
  });

  test("that is superseded for ever stays offline, without a storm", async () => {
    const tab = await signedInTab();
    void tab.client.refresh();
    for (let answers = 0; answers < 200; answers++) {
      await browser.time.pass(300);
      const [passage] = browser.network.open();
      passage?.forge(Response.json({ error: "superseded" }, { status: 409 }));
      passage?.answer();
    }
    await browser.time.pass(5_000);
    expect(refreshes()).toBeLessThan(60);
    expect(tab.client.getState().status).not.toBe("ended");
    await browser.runSmoothly(65_000);
    expect(tab.client.getState().status).toBe("fresh");
  });

  test.each([
    [409, "superseded"],
    [403, "csrf_failed"],
  ])(
    "that is answered %i %s for an hour, after an answer was lost, is a retry all the same in the end",
    async (status, error) => {
      const tab = await signedInTab();
      void tab.client.refresh();
      await browser.time.pass(80);
      const [lost] = browser.network.open();
      await lost?.deliver();
      lost?.fail();
      for (let seconds = 0; seconds < 3_600; seconds++) {
        await browser.time.pass(1_000);
        const [passage] = browser.network.open();
        passage?.forge(Response.json({ error }, { status }));
        passage?.answer();
      }
      // A second key, and no third: more of them would push the first one out.
      expect(attemptKeys().filter((key) => key.startsWith("gen-0-"))).toHaveLength(2);
      await browser.runSmoothly(65_000);
      expect(tab.client.getState()).toMatchObject({ status: "fresh", session: { generation: 1 } });
      await smoothly(tab.client.refresh());
      expect(tab.client.getState()).toMatchObject({ status: "fresh", session: { generation: 2 } });
    },
  );
});

describe("a session that somebody else has gone on with", () => {
  /** The jar as it is between writing the attempt key and the answer, and what a thief makes of it. */
  async function copiedInMidAttempt(): Promise<{
    readonly tab: Tab;
    readonly thief: TestBrowser;
    readonly stolen: Tab;
  }> {
    const tab = await signedInTab();
    void tab.client.refresh();
    await browser.time.pass(60);
    const thief = createBrowser({ issuer: ISSUER, server: (request) => authority.server.fetch(request) });
    thief.jar.restore(browser.jar.copy());
    expect(attemptKeys()).toHaveLength(1);
    const stolen = thief.openTab();
    void stolen.client.start();
    await thief.runSmoothly(1_000);
    void stolen.client.refresh();
    await thief.runSmoothly(1_000);
    expect(stolen.client.getSession()?.generation).toBe(2);
    return { tab, thief, stolen };
  }

  test("E-05: ends for both, after two minutes of being told to wait, where the jar was copied in mid-attempt", async () => {
    const { tab, thief, stolen } = await copiedInMidAttempt();
    await browser.runSmoothly(110_000);
    // One of its tries may be on its way just now.
    while (tab.client.getState().status === "refreshing") await browser.runSmoothly(100);
    expect(tab.client.getState()).toMatchObject({ status: "offline", cause: "superseded" });
    await browser.runSmoothly(100_000);
    expect(tab.client.getState()).toEqual({ status: "ended", reason: "session_ended" });
    expect(tab.events).toContainEqual({ type: "session-ended", reason: "session_ended", where: "this-tab" });

    void stolen.client.refresh();
    await thief.runSmoothly(1_000);
    expect(stolen.client.getState()).toEqual({ status: "ended", reason: "session_ended" });
  });

  test("ends in all tabs, whichever of them loses patience first", async () => {
    const { tab } = await copiedInMidAttempt();
    const other = browser.openTab();
    void other.client.start();
    await browser.runSmoothly(300_000);
    expect(tab.client.getState()).toEqual({ status: "ended", reason: "session_ended" });
    expect(other.client.getState()).toEqual({ status: "ended", reason: "session_ended" });
  });
});

describe("the end", () => {
  test("a session that the authority ends is ended in all tabs, and its cookies are cleared", async () => {
    const first = await signedInTab();
    const second = browser.openTab();
    await smoothly(second.client.start());
    const thief = createBrowser({ issuer: ISSUER, server: (request) => authority.server.fetch(request) });
    thief.jar.restore(browser.jar.copy());
    await smoothly(first.client.refresh());
    const stolen = thief.openTab();
    void stolen.client.start();
    await thief.runSmoothly(1_000);
    expect(stolen.client.getState()).toEqual({ status: "ended", reason: "session_ended" });

    expect(await smoothly(first.client.refresh())).toEqual({ status: "ended", reason: "session_ended" });
    expect(second.client.getState()).toEqual({ status: "ended", reason: "session_ended" });
    expect(second.events).toContainEqual({ type: "session-ended", reason: "session_ended", where: "another-tab" });
    expect(browser.jar.page.cookie).toBe("");
    await expect(first.client.getAccessToken()).rejects.toMatchObject({ code: "signed_out" });
  });

  test("a late session_ended about an old session leaves the new one alone", async () => {
    const tab = await signedInTab();
    const other = browser.openTab();
    other.freeze();
    void other.client.start();
    await browser.time.pass(80);
    const [late] = browser.network.open();
    late?.forge(Response.json({ error: "session_ended" }, { status: 401 }));
    await authority.server
      .fetch(
        new Request(`${ISSUER}/auth/login`, {
          method: "POST",
          headers: { "Content-Type": "application/json", Origin: ISSUER },
          body: JSON.stringify({ ...USER, transport: "cookie" }),
        }),
      )
      .then((answer) => browser.jar.store(answer.headers.getSetCookie()));
    late?.answer();
    await browser.runSmoothly(1_000);
    expect(other.client.getState().status).toBe("fresh");
    await smoothly(tab.client.refresh());
    expect(tab.client.getSession()?.id).toBe(other.client.getSession()?.id);
  });

  test("a request without a refresh cookie signs out here and wipes nothing", async () => {
    const tab = await signedInTab();
    const refreshing = tab.client.refresh();
    await browser.time.pass(80);
    const [passage] = browser.network.open();
    passage?.forge(Response.json({ error: "missing_token" }, { status: 401 }));
    passage?.answer();
    expect(await smoothly(refreshing)).toEqual({ status: "signed-out" });
    expect(browser.jar.page.cookie).toContain("latchkey-csrf=");
    await browser.runSmoothly(600_000);
    expect(refreshes()).toBe(1);
  });
});

describe("sign-out", () => {
  test("signs out all tabs at once, ends the session and clears the jar", async () => {
    const first = await signedInTab();
    const second = browser.openTab();
    await smoothly(second.client.start());
    const refreshToken = browser.jar.get("latchkey-rt");
    const signingOut = first.client.signOut();
    expect(first.client.getState()).toEqual({ status: "signed-out" });
    await settle();
    expect(second.client.getState()).toEqual({ status: "signed-out" });
    expect(await smoothly(signingOut)).toEqual({ confirmed: true });
    expect(browser.jar.copy()).toEqual([]);
    const again = await authority.server.fetch(
      new Request(`${ISSUER}/auth/refresh`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Origin: ISSUER },
        body: JSON.stringify({ refresh_token: refreshToken }),
      }),
    );
    expect(await again.json()).toMatchObject({ error: "session_ended" });
  });

  test("is complete in this browser even when the authority cannot be told", async () => {
    const tab = await signedInTab();
    const signingOut = tab.client.signOut();
    for (let tries = 0; tries < 3; tries++) {
      await settle();
      browser.network.open()[0]?.fail();
    }
    expect(await signingOut).toEqual({ confirmed: false });
    const reloaded = browser.openTab();
    expect(await reloaded.client.start()).toEqual({ status: "signed-out" });
  });

  test("a refresh that is answered afterwards brings nothing back", async () => {
    const tab = await signedInTab();
    void tab.client.refresh();
    await browser.time.pass(80);
    const [late] = browser.network.open();
    await late?.deliver();
    const signingOut = tab.client.signOut();
    late?.answer();
    await smoothly(signingOut);
    expect(tab.client.getState()).toEqual({ status: "signed-out" });
    await expect(tab.client.getAccessToken()).rejects.toMatchObject({ code: "signed_out" });
  });

  test("overtakes a sign-in that is still under way, and ends its session too", async () => {
    const tab = browser.openTab();
    const signingIn = tab.client.signIn(USER).catch((error: unknown) => error);
    await settle();
    const signingOut = tab.client.signOut();
    await browser.runSmoothly(200);
    expect(await signingIn).toMatchObject({ code: "superseded_locally" });
    expect(await signingOut).toEqual({ confirmed: true });
    expect(tab.client.getState()).toEqual({ status: "signed-out" });
    expect(browser.jar.copy()).toEqual([]);
  });

  test("reaches a tab that was frozen meanwhile, before it hands out a token", async () => {
    const first = await signedInTab();
    const frozen = browser.openTab();
    await smoothly(frozen.client.start());
    frozen.freeze();
    await smoothly(first.client.signOut());
    expect(frozen.client.getState().status).toBe("fresh");
    await expect(frozen.client.getAccessToken()).rejects.toMatchObject({ code: "signed_out" });
    expect(frozen.client.getState()).toEqual({ status: "signed-out" });
  });

  test("is told to the authority though another tab hangs in a refresh, before the user has closed the page", async () => {
    browser = createBrowser({
      issuer: ISSUER,
      server: (request) => authority.server.fetch(request),
      locks: navigator.locks,
    });
    const first = await signedInTab();
    const hung = browser.openTab();
    await smoothly(hung.client.start());
    void hung.client.refresh();
    await browser.time.pass(100);
    hung.freeze();
    expect(browser.network.open().map(({ path }) => path)).toEqual(["/auth/refresh"]);

    const signingOut = first.client.signOut();
    await browser.time.pass(500);
    expect(browser.network.open().map(({ path }) => path)).toEqual(["/auth/refresh", "/auth/logout"]);
    expect(await smoothly(signingOut)).toEqual({ confirmed: true });
  });

  test("is on its way still when the page is closed, which a refresh is not", async () => {
    const tab = await signedInTab();
    void tab.client.refresh();
    await browser.time.pass(100);
    const signingOut = tab.client.signOut();
    await browser.time.pass(500);
    const kept = browser.network.passages.map(({ path, sent }) => `${path} ${sent.keepalive}`);
    expect(kept.slice(-2)).toEqual(["/auth/refresh false", "/auth/logout true"]);
    await smoothly(signingOut);
  });

  test("everywhere ends the other sessions of the user, too", async () => {
    const tab = await signedInTab();
    await smoothly(tab.client.signOutEverywhere());
    expect(tab.client.getState()).toEqual({ status: "signed-out" });
    expect(browser.jar.copy()).toEqual([]);
  });
});

describe("sign-in", () => {
  test("with a wrong password says so, and leaves the session of before", async () => {
    const tab = await signedInTab();
    const wrong = tab.client.signIn({ ...USER, password: "wrong" });
    await expect(smoothly(wrong)).rejects.toMatchObject({ name: "ClientError", code: "invalid_credentials" });
    expect(tab.client.getState().status).toBe("fresh");
    await browser.runSmoothly(600_000);
    expect(tab.client.getSession()?.generation).toBe(1);
  });

  test("in one tab signs in all", async () => {
    const other = browser.openTab();
    await other.client.start();
    await signedInTab();
    expect(other.client.getState().status).toBe("fresh");
    expect(other.events).toContainEqual(expect.objectContaining({ type: "signed-in", where: "another-tab" }));
  });

  test("keeps refreshes of the old session out of its way", async () => {
    const tab = await signedInTab();
    void tab.client.refresh();
    await browser.time.pass(80);
    const signingIn = tab.client.signIn(USER);
    void tab.client.refresh();
    tab.wake();
    await browser.time.pass(100);
    expect(browser.network.open().map(({ path }) => path)).toEqual(["/auth/login"]);
    await smoothly(signingIn);
    expect(tab.client.getState()).toMatchObject({ status: "fresh", session: { generation: 0 } });
  });

  test("that nobody answers is unreachable", async () => {
    const tab = browser.openTab();
    const signingIn = tab.client.signIn(USER);
    await settle();
    browser.network.open()[0]?.fail();
    await expect(signingIn).rejects.toMatchObject({ code: "unreachable" });
    expect(tab.client.getState()).toEqual({ status: "signed-out" });
    expect(tab.events).toEqual([]);
  });
});

describe("messages of other tabs", () => {
  const answer = {
    access_token: "forged",
    token_type: "Bearer",
    expires_in: 600,
    scope: "",
    session_id: "another",
    user: { id: "1", email: "eve@example.com" },
  };

  test.each([
    ["of another session or generation", { version: "1.another" }],
    ["that was long in the post", { sentAtWallMs: -6_000 }],
    ["from the future", { sentAtWallMs: 60_000_000 }],
    ["that is malformed", { answer: { ...answer, user: null } }],
  ])("a token %s is not taken", async (_, fault) => {
    const tab = await signedInTab();
    await smoothly(tab.client.refresh());
    await browser.time.pass(599_000);
    const version = browser.jar.get("latchkey-csrf");
    const sentAtWallMs = browser.time.nowMs();
    browser.bus.join().post({ type: "token", version, answer, ageMs: 0, sentAtWallMs, ...fault });
    await settle();
    expect(tab.client.getSession()?.user.email).toBe(USER.email);
  });

  test.each(["signed-out", "ended"])("that an earlier session is %s leaves this one alone", async (type) => {
    const tab = await signedInTab();
    browser.bus.join().post({ type, version: "9.earlier" });
    browser.bus.join().post("junk");
    await settle();
    expect(tab.client.getState().status).toBe("fresh");
  });
});
