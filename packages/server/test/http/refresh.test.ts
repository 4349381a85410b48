import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { decodeJwt } from "jose";
import { describe, expect, it, onTestFinished } from "vitest";

import type { Store } from "../../src/ports/store.ts";
import { createSqliteStore } from "../../src/stores/sqlite/index.ts";
import { expectRefusal, freshKey, granted, startAuthority } from "../authority.ts";

describe("POST /auth/refresh by body transport", () => {
  it("answers a new refresh token, a new access token and the same session", async () => {
    const authority = await startAuthority();
    const first = await authority.signedIn();
    const second = granted(await authority.refresh(first.refresh_token, { "Idempotency-Key": freshKey() }));
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(second.access_token).not.toBe(first.access_token);
    expect(second.session_id).toBe(first.session_id);
    expect(second).toMatchObject({ token_type: "Bearer", expires_in: 600, user: first.user });
  });

  it("an access token's life begins before its session was read, so that none outlives a revocation by more", async () => {
    const slow = await startAuthority({
      // A real store that takes 20 seconds to read and as long to write.
      store: slowed(createSqliteStore({ path: join(folder(), "latchkey.db") }), () => slow.advance(20)),
    });
    const first = await slow.signedIn();
    const signedInAt = decodeJwt(first.access_token).iat ?? 0;
    const key = freshKey();
    const rotated = granted(await slow.refresh(first.refresh_token, { "Latchkey-Attempt": key }));
    expect(decodeJwt(rotated.access_token)).toMatchObject({ iat: signedInAt, exp: signedInAt + 600 });
    expect(rotated.expires_in).toBe(560);
    const retried = granted(await slow.refresh(first.refresh_token, { "Latchkey-Attempt": key }));
    expect(decodeJwt(retried.access_token)).toMatchObject({ iat: signedInAt + 40, exp: signedInAt + 640 });
  });

  it("the same token with the same attempt key gives the byte-identical successor, at any later time", async () => {
    const authority = await startAuthority();
    const { refresh_token } = await authority.signedIn();
    const key = freshKey();
    const answers = [];
    for (const wait of [0, 1, 60, 86_400]) {
      authority.advance(wait);
      answers.push(granted(await authority.refresh(refresh_token, { "Latchkey-Attempt": key })).refresh_token);
    }
    expect(new Set(answers).size).toBe(1);
  });

  it("E-01 E-05 RT-02: the same token with another attempt key ends the session, the newer tokens with it", async () => {
    const authority = await startAuthority();
    const { refresh_token } = await authority.signedIn();
    const newer = granted(await authority.refresh(refresh_token, { "Idempotency-Key": freshKey() }));
    expectRefusal(await authority.refresh(refresh_token, { "Idempotency-Key": freshKey() }), 401, "session_ended");
    expectRefusal(
      await authority.refresh(newer.refresh_token, { "Idempotency-Key": freshKey() }),
      401,
      "session_ended",
    );
    expectRefusal(await authority.call("GET", "/auth/me", { token: newer.access_token }), 401, "invalid_token");
    expect(authority.logs.join("\n")).toContain("a copied refresh token was used");
  });

  it("a copy that refreshes first is caught when the honest client refreshes", async () => {
    const authority = await startAuthority();
    const honest = await authority.signedIn();
    const thief = granted(await authority.refresh(honest.refresh_token, { "Latchkey-Attempt": freshKey() }));
    expectRefusal(
      await authority.refresh(honest.refresh_token, { "Latchkey-Attempt": freshKey() }),
      401,
      "session_ended",
    );
    expectRefusal(
      await authority.refresh(thief.refresh_token, { "Latchkey-Attempt": freshKey() }),
      401,
      "session_ended",
    );
  });

  it("a late duplicate is superseded, and the session lives", async () => {
    const authority = await startAuthority();
    const first = await authority.signedIn();
    const [a, b, c] = [freshKey(), freshKey(), freshKey()];
    const second = granted(await authority.refresh(first.refresh_token, { "Latchkey-Attempt": a }));
    const third = granted(await authority.refresh(second.refresh_token, { "Latchkey-Attempt": `${b}, ${a}` }));
    expectRefusal(await authority.refresh(first.refresh_token, { "Latchkey-Attempt": a }), 409, "superseded");
    granted(await authority.refresh(third.refresh_token, { "Latchkey-Attempt": `${c},${b},${a}` }));
  });

  it("a store set back to its predecessor heals by the last few keys", async () => {
    const authority = await startAuthority();
    const first = await authority.signedIn();
    const [a, b] = [freshKey(), freshKey()];
    const second = granted(await authority.refresh(first.refresh_token, { "Latchkey-Attempt": a }));
    const third = granted(await authority.refresh(second.refresh_token, { "Latchkey-Attempt": `${b},${a}` }));
    const again = granted(
      await authority.refresh(second.refresh_token, { "Latchkey-Attempt": `${freshKey()},${b},${a}` }),
    );
    expect(again.refresh_token).toBe(third.refresh_token);
  });

  it("RT-04: without keys, a repeated request is a retry for ten seconds and a copy after", async () => {
    const authority = await startAuthority();
    const { refresh_token } = await authority.signedIn();
    const second = granted(await authority.refresh(refresh_token));
    authority.advance(10);
    expect(granted(await authority.refresh(refresh_token)).refresh_token).toBe(second.refresh_token);
    authority.advance(1);
    expectRefusal(await authority.refresh(refresh_token), 401, "session_ended");
  });

  it("50 parallel refreshes with one token and one attempt key all get the same successor, and the session lives", async () => {
    const authority = await startAuthority();
    const { refresh_token } = await authority.signedIn();
    const key = freshKey();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => authority.refresh(refresh_token, { "Idempotency-Key": key })),
    );
    const successors = new Set(answers.map((answer) => granted(answer).refresh_token));
    expect(successors.size).toBe(1);
    const [successor = ""] = successors;
    granted(await authority.refresh(successor, { "Idempotency-Key": freshKey() }));
  });

  it("E-02 RT-03: of 50 parallel refreshes with different attempt keys exactly one succeeds, and the session ends", async () => {
    const authority = await startAuthority();
    const { refresh_token } = await authority.signedIn();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => authority.refresh(refresh_token, { "Idempotency-Key": freshKey() })),
    );
    const winners = answers.filter((answer) => answer.status === 200);
    expect(winners).toHaveLength(1);
    for (const answer of answers.filter((other) => other.status !== 200)) expectRefusal(answer, 401, "session_ended");
    for (const winner of winners) {
      const late = await authority.refresh(granted(winner).refresh_token, { "Idempotency-Key": freshKey() });
      expectRefusal(late, 401, "session_ended");
    }
  });

  it("E-07 RT-05 RT-16 SE-01: the idle limit moves with each refresh, the absolute one never", async () => {
    const authority = await startAuthority({ sessionIdleSeconds: 100, sessionMaxSeconds: 250 });
    let { refresh_token, ...answer } = await authority.signedIn();
    expect(answer).toMatchObject({ refresh_token_timeout: 100, authorization_expires_in: 250 });
    for (const left of [160, 70]) {
      authority.advance(90);
      const next = granted(await authority.refresh(refresh_token, { "Idempotency-Key": freshKey() }));
      expect(next).toMatchObject({ refresh_token_timeout: Math.min(100, left), authorization_expires_in: left });
      refresh_token = next.refresh_token;
    }
    authority.advance(70);
    expectRefusal(await authority.refresh(refresh_token, { "Idempotency-Key": freshKey() }), 401, "session_ended");
  });

  it("the session ends when it is not refreshed for the idle limit", async () => {
    const authority = await startAuthority({ sessionIdleSeconds: 100 });
    const { refresh_token } = await authority.signedIn();
    authority.advance(100);
    expectRefusal(await authority.refresh(refresh_token, { "Idempotency-Key": freshKey() }), 401, "session_ended");
  });

  it("an access token never outlives its session", async () => {
    const authority = await startAuthority({ sessionIdleSeconds: 100, sessionMaxSeconds: 150 });
    const { refresh_token } = await authority.signedIn();
    authority.advance(90);
    expect(granted(await authority.refresh(refresh_token)).expires_in).toBe(60);
  });

  it("E-20: a clock that is set back signs nobody out", async () => {
    const authority = await startAuthority();
    const { refresh_token } = await authority.signedIn();
    const key = freshKey();
    const next = granted(await authority.refresh(refresh_token, { "Idempotency-Key": key }));
    authority.advance(-86_400);
    expect(granted(await authority.refresh(refresh_token, { "Idempotency-Key": key })).refresh_token).toBe(
      next.refresh_token,
    );
    granted(await authority.refresh(next.refresh_token, { "Idempotency-Key": freshKey() }));
  });

  it.each([
    ["nobody has refreshed it for too long", {}, 7 * 86_400],
    ["its absolute limit", { sessionMaxSeconds: 3_600, sessionIdleSeconds: 3_600 }, 3_600],
  ])("E-20: a session that was said to have ended stays so when a clock is set back: %s", async (_, options, life) => {
    const authority = await startAuthority(options);
    const { refresh_token } = await authority.signedIn();
    authority.advance(life);
    expectRefusal(await authority.refresh(refresh_token), 401, "session_ended");
    authority.advance(-life);
    expectRefusal(await authority.refresh(refresh_token), 401, "session_ended");
  });

  it("E-20: a token that is too old ends no session that has gone on", async () => {
    const authority = await startAuthority();
    const first = await authority.signedIn();
    authority.advance(6 * 86_400);
    const second = granted(await authority.refresh(first.refresh_token, { "Idempotency-Key": freshKey() }));
    authority.advance(2 * 86_400);
    expectRefusal(await authority.refresh(first.refresh_token), 401, "session_ended");
    granted(await authority.refresh(second.refresh_token, { "Idempotency-Key": freshKey() }));
  });

  it("E-20: a clock that is set back opens no retry window", async () => {
    const authority = await startAuthority();
    const { refresh_token } = await authority.signedIn();
    granted(await authority.refresh(refresh_token));
    authority.advance(-3_600);
    expectRefusal(await authority.refresh(refresh_token), 401, "session_ended");
  });

  it("E-01: without a retry window a used token ends the session within the same second, too", async () => {
    const authority = await startAuthority({ retryWindowSeconds: 0 });
    const { refresh_token } = await authority.signedIn();
    const next = granted(await authority.refresh(refresh_token));
    expectRefusal(await authority.refresh(refresh_token), 401, "session_ended");
    expectRefusal(await authority.refresh(next.refresh_token), 401, "session_ended");
  });

  it("AT-03: when and how the user signed in is carried unchanged", async () => {
    const authority = await startAuthority();
    const first = await authority.signedIn();
    authority.advance(300);
    const second = granted(await authority.refresh(first.refresh_token));
    const claims = (token: string): Record<string, unknown> =>
      JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
    const { auth_time, amr, acr, scope, aud } = claims(first.access_token);
    expect(claims(second.access_token)).toMatchObject({ auth_time, amr, acr, scope, aud });
    expect(claims(second.access_token)["iat"]).toBe(Number(claims(first.access_token)["iat"]) + 300);
  });

  it.each([
    ["garbage", () => "garbage"],
    ["an access token", (session: { access_token: string }) => session.access_token],
    ["E-06: one byte changed", (session: { refresh_token: string }) => `${session.refresh_token.slice(0, -2)}AA`],
    ["E-06: one byte added", (session: { refresh_token: string }) => `${session.refresh_token}A`],
  ])("refuses %s as a refresh token, and the session lives", async (_what, forge) => {
    const authority = await startAuthority();
    const session = await authority.signedIn();
    expectRefusal(await authority.refresh(forge(session)), 401, "session_ended");
    granted(await authority.refresh(session.refresh_token));
  });

  it.each([
    ["too short", { "Latchkey-Attempt": "short" }],
    ["of other characters", { "Latchkey-Attempt": "attempt key with spaces" }],
    ["five of them", { "Latchkey-Attempt": [1, 2, 3, 4, 5].map((n) => `attempt-key-number-${n}`).join(",") }],
    ["the same twice", { "Latchkey-Attempt": "attempt-key-number-1,attempt-key-number-1" }],
    ["empty", { "Latchkey-Attempt": "" }],
    ["two in Idempotency-Key", { "Idempotency-Key": "attempt-key-number-1,attempt-key-number-2" }],
  ])("refuses attempt keys that are malformed (%s), and changes nothing", async (_what, headers) => {
    const authority = await startAuthority();
    const { refresh_token } = await authority.signedIn();
    expectRefusal(await authority.refresh(refresh_token, headers), 400, "invalid_request");
    granted(await authority.refresh(refresh_token, { "Idempotency-Key": freshKey() }));
  });

  it("takes a quoted Idempotency-Key, as structured fields write it", async () => {
    const authority = await startAuthority();
    const { refresh_token } = await authority.signedIn();
    const key = freshKey();
    const bare = granted(await authority.refresh(refresh_token, { "Idempotency-Key": key }));
    const quoted = granted(await authority.refresh(refresh_token, { "Idempotency-Key": `"${key}"` }));
    expect(quoted.refresh_token).toBe(bare.refresh_token);
  });
});

describe("a restart", () => {
  it("E-03: keeps sessions, consumption and keys: a used token stays used", async () => {
    const before = await startAuthority();
    const first = await before.signedIn();
    const second = granted(await before.refresh(first.refresh_token, { "Idempotency-Key": freshKey() }));
    const after = await before.restart();
    expect((await after.call("GET", "/auth/me", { token: second.access_token })).status).toBe(200);
    const third = granted(await after.refresh(second.refresh_token, { "Idempotency-Key": freshKey() }));
    expectRefusal(await after.refresh(second.refresh_token, { "Idempotency-Key": freshKey() }), 401, "session_ended");
    expectRefusal(await after.refresh(third.refresh_token, { "Idempotency-Key": freshKey() }), 401, "session_ended");
  });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "latchkey-refresh-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function slowed(store: Store, wait: () => void): Store {
  return {
    ...store,
    async findSessionWithUser(sessionId) {
      wait();
      return store.findSessionWithUser(sessionId);
    },
    sessions: {
      ...store.sessions,
      async rotateSession(rotation, event) {
        wait();
        return store.sessions.rotateSession(rotation, event);
      },
    },
  };
}
