import { isPartCursor } from "@latchkey/protocol";
import { decodeJwt } from "jose";
import { describe, expect, it, onTestFinished } from "vitest";

import { createSqliteStore } from "../../src/index.ts";
import { expectRefusal, PASSWORD, startAuthority } from "../authority.ts";
import type { TestAuthority } from "../authority.ts";
import { cursorOf, followFeed, readFeed } from "./feed-reader.ts";

const API = { id: "api", secret: "a-secret-of-at-least-32-characters!" };
const basic = { Authorization: `Basic ${Buffer.from(`${API.id}:${API.secret}`).toString("base64")}` };

/** Sessions that have ended, in the log as they are: only that is read. More than 1,000 do not fit one batch. */
async function appendEndings(authority: TestAuthority, at: number, count: number): Promise<void> {
  const store = createSqliteStore({ path: authority.path });
  for (let index = 0; index < count; index++) {
    const ended = { userId: "u", sessionId: `session-${at}-${index}`, reason: "signed_out" } as const;
    await store.events.appendEvent({ ...ended, type: "session_revoked", at, origin: { ip: null, userAgent: null } });
  }
  await store.close();
}

const startPublic = (): Promise<TestAuthority> => startAuthority({ revocationFeed: { access: "public" } });

describe("the revocation feed", () => {
  it("tells of a session that its user ended, at once, and until when that matters", async () => {
    const authority = await startPublic();
    const { access_token: token, session_id: sessionId } = await authority.signedIn();
    const reader = await followFeed(authority.server);
    expect(reader.revocations).toEqual([]);

    const started = performance.now();
    await authority.call("POST", "/auth/logout-all", { token });
    const heard = await reader.hears("session", sessionId);

    expect(performance.now() - started).toBeLessThan(1_000);
    // No access token of that session lives longer, whatever the clocks of nodes and verifiers differ by.
    expect(heard.until).toBeGreaterThanOrEqual(decodeJwt(token).exp ?? Infinity);
    expect(reader.batches.at(-1)?.iat).toBe(1_800_000_000);
  });

  it("names exactly the sessions that a new password ended", async () => {
    const authority = await startPublic();
    const [kept, first, second] = [
      await authority.signedIn(),
      await authority.signedIn(),
      await authority.signedIn(),
    ] as const;
    const reader = await followFeed(authority.server);

    await authority.call("POST", "/auth/password", {
      token: kept.access_token,
      json: { current_password: PASSWORD, new_password: "another correct horse battery" },
    });

    await reader.hears("session", first.session_id);
    await reader.hears("session", second.session_id);
    expect(reader.revocations).toHaveLength(2);
  });

  it("tells of a theft that was caught", async () => {
    const authority = await startPublic();
    const { refresh_token: copied, session_id: sessionId } = await authority.signedIn();
    const reader = await followFeed(authority.server);
    const attempt = (key: string) => ({ "Latchkey-Attempt": key });
    await authority.refresh(copied, attempt("the-honest-client-1"));

    expectRefusal(await authority.refresh(copied, attempt("the-thief-and-no-1")), 401, "session_ended");

    await reader.hears("session", sessionId);
  });

  it("declares every token of a deleted account dead, whenever it was issued", async () => {
    const authority = await startPublic();
    const { access_token: token, user, session_id: sessionId } = await authority.signedIn();
    const reader = await followFeed(authority.server);

    await authority.call("DELETE", "/auth/me", { token, json: { password: PASSWORD } });

    await reader.hears("session", sessionId);
    const heard = await reader.hears("subject", user.id);
    expect(heard).toMatchObject({ before: heard.until });
  });

  it("tells of new roles by a number that later tokens carry, and ends no session", async () => {
    const authority = await startPublic();
    const before = await authority.signedIn();
    const reader = await followFeed(authority.server);
    expect(decodeJwt(before.access_token)).not.toHaveProperty("claims_epoch");

    await authority.server.setRoles("ada@example.com", ["admin"]);

    expect(await reader.hears("claims", before.user.id)).toMatchObject({ epoch: 1 });
    const after = await authority.signedIn();
    expect(decodeJwt(after.access_token)).toMatchObject({ claims_epoch: 1, roles: ["admin"] });
    expect(reader.revocations).toHaveLength(1);
  });

  it("says nothing of sign-ins, refreshes and failures but that it is alive", async () => {
    const authority = await startPublic();
    const reader = await followFeed(authority.server);

    const { refresh_token: token } = await authority.signedIn();
    await authority.refresh(token);
    await authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password: "wrong" } });

    await expect.poll(() => reader.batches.length, { timeout: 5_000 }).toBeGreaterThan(2);
    expect(reader.revocations).toEqual([]);
    // The cursor moves all the same, so that who resumes need not read these events again.
    expect(cursorOf(reader.batches)).not.toBe(reader.batches[0]?.cursor);
  });

  it("goes on from where a reader was cut off, and repeats nothing", async () => {
    const authority = await startPublic();
    const [first, second] = [await authority.signedIn(), await authority.signedIn()] as const;
    const reader = await followFeed(authority.server);
    await authority.call("DELETE", `/auth/sessions/${first.session_id}`, { token: second.access_token });
    await reader.hears("session", first.session_id);
    await reader.cutOff();
    const cursor = cursorOf(reader.batches);

    await authority.call("POST", "/auth/logout-all", { token: second.access_token });

    for (const batches of [
      (await followFeed(authority.server, { after: cursor })).batches,
      await readFeed(authority.server, cursor),
    ]) {
      expect(batches[0]?.after).toBe(cursor);
      expect(batches.flatMap((batch) => batch.revocations)).toMatchObject([{ id: second.session_id }]);
    }
  });

  it.each([
    ["of another outbox", "1.AAAAAAAAAAAAAAAA"],
    ["ahead of this one", "999999.AAAAAAAAAAAAAAAA"],
    ["that is none", "first"],
    ["of the beginning", "0.0"],
  ])("begins with a snapshot for a cursor %s", async (_, cursor) => {
    const authority = await startPublic();
    const { access_token: token, session_id: sessionId } = await authority.signedIn();
    await authority.call("POST", "/auth/logout-all", { token });

    const [snapshot] = await readFeed(authority.server, cursor);

    expect(snapshot).toMatchObject({ after: null, revocations: [{ kind: "session", id: sessionId }] });
  });

  it("knows after a restart what it knew before, and forgets what can no longer matter", async () => {
    const authority = await startPublic();
    const { access_token: token, session_id: sessionId } = await authority.signedIn();
    await authority.call("POST", "/auth/logout-all", { token });

    const restarted = await authority.restart();
    expect((await readFeed(restarted.server))[0]?.revocations).toMatchObject([{ id: sessionId }]);

    restarted.advance(600 + 120);
    const later = await restarted.restart();
    expect((await readFeed(later.server)).flatMap((batch) => batch.revocations)).toEqual([]);
  });

  it("resumes across a restart with a cursor of before", async () => {
    const authority = await startPublic();
    const [first, second] = [await authority.signedIn(), await authority.signedIn()] as const;
    await authority.call("DELETE", `/auth/sessions/${first.session_id}`, { token: second.access_token });
    const cursor = cursorOf(await readFeed(authority.server));

    const restarted = await authority.restart();
    await restarted.call("POST", "/auth/logout-all", { token: second.access_token });

    const [batch, ...others] = await readFeed(restarted.server, cursor);
    expect(batch).toMatchObject({ after: cursor, revocations: [{ id: second.session_id }] });
    expect(others).toEqual([]);
  });

  it("ends its streams when the server is about to stop, and a reader comes back elsewhere", async () => {
    const authority = await startPublic();
    const reader = await followFeed(authority.server);

    await authority.server.endStreams();

    await expect.poll(() => reader.ended).toBe(true);
    expect((await authority.call("GET", "/health/live")).status).toBe(200);
  });

  it("chains the parts of a snapshot that takes several batches, so that none can be left out", async () => {
    const authority = await startPublic();
    await appendEndings(authority, 1_800_000_000, 1_700);

    const batches = await readFeed(authority.server);

    expect(batches.length).toBeGreaterThan(2);
    expect(batches[0]?.after).toBeNull();
    expect(batches.slice(1).map((batch) => batch.after)).toEqual(batches.slice(0, -1).map((batch) => batch.cursor));
    expect(new Set(batches.flatMap((batch) => batch.revocations.map(({ id }) => id))).size).toBe(1_700);
    // A place within it is none to come back to.
    const [again] = await readFeed(authority.server, batches[0]?.cursor);
    expect(again?.after).toBeNull();
  });

  it("lets parts of two snapshots of one place not be joined: entries move from part to part as others are forgotten", async () => {
    const authority = await startPublic();
    await appendEndings(authority, 1_800_000_000, 200);
    await appendEndings(authority, 1_800_000_300, 1_000);
    const earlier = await readFeed(authority.server);
    authority.advance(800);
    const later = await readFeed((await authority.restart()).server);

    expect(cursorOf(later)).toBe(cursorOf(earlier));
    const within = earlier.map(({ cursor }) => cursor).filter((cursor) => isPartCursor(cursor));
    expect(within).not.toEqual([]);
    expect(later.filter(({ after }) => after !== null && within.includes(after))).toEqual([]);
  });

  it("is for resource servers alone, unless it was made public", async () => {
    const authority = await startAuthority({ resourceServers: [API] });
    const metadata = await authority.call("GET", "/.well-known/openid-configuration");
    expect(metadata.body).toMatchObject({
      revocation_feed_endpoint: `${authority.server.issuer}/revocations`,
      revocation_feed_access: "client_secret_basic",
    });

    const refused = await authority.call("GET", "/revocations");
    expectRefusal(refused, 401, "invalid_client");
    expect(refused.headers.get("www-authenticate")).toMatch(/^Basic /);
    const wrong = { Authorization: `Basic ${Buffer.from(`${API.id}:${API.secret}x`).toString("base64")}` };
    expectRefusal(await authority.call("GET", "/revocations", { headers: wrong }), 401, "invalid_client");

    const reader = await followFeed(authority.server, { headers: basic });
    expect(cursorOf(reader.batches)).toMatch(/^\d+\./);
  });

  it("answers nobody where nobody was named", async () => {
    const authority = await startAuthority();
    expectRefusal(await authority.call("GET", "/revocations", { headers: basic }), 401, "invalid_client");
  });

  it("has, where it is public, room for so many from one network and in all, and always for resource servers", async () => {
    const revocationFeed = { access: "public", maxFollowers: 3, maxFollowersPerNetwork: 2 } as const;
    const { server } = await startAuthority({ revocationFeed, resourceServers: [API] });
    const follow = (remoteAddress: string, headers = {}): Promise<Response> =>
      server.fetch(
        new Request(`${server.issuer}/revocations`, { headers: { Accept: "text/event-stream", ...headers } }),
        { remoteAddress },
      );
    const open: Response[] = [];
    const retryAfters = new Set<string | null>();
    onTestFinished(async () => {
      for (const response of open) await response.body?.cancel();
    });
    const status = async (remoteAddress: string, headers = {}): Promise<number> => {
      const response = await follow(remoteAddress, headers);
      if (response.status === 200) open.push(response);
      retryAfters.add(response.headers.get("retry-after"));
      return response.status;
    };

    expect([await status("203.0.113.1"), await status("203.0.113.1"), await status("203.0.113.1")]).toEqual([
      200, 200, 503,
    ]);
    expect([await status("203.0.113.2"), await status("203.0.113.3")]).toEqual([200, 503]);
    expect([await status("203.0.113.1", basic), await status("203.0.113.1", basic)]).toEqual([200, 200]);
    // One that goes makes room, once.
    await open[0]?.body?.cancel();
    expect([await status("203.0.113.1"), await status("203.0.113.1")]).toEqual([200, 503]);
    expect([...retryAfters]).toEqual([null, "30"]);
  });

  it("is read slowly by one follower without holding up another", async () => {
    const authority = await startPublic();
    const sessions = [await authority.signedIn(), await authority.signedIn()] as const;
    // Never reads a byte of its answer.
    const idle = await authority.server.fetch(
      new Request(`${authority.server.issuer}/revocations`, { headers: { Accept: "text/event-stream" } }),
    );
    const reader = await followFeed(authority.server);

    await authority.call("POST", "/auth/logout-all", { token: sessions[0].access_token });

    expect(await reader.hears("session", sessions[1].session_id)).toBeDefined();
    await idle.body?.cancel();
  });
});
