import { getListFromStatusListJWT, getStatusListFromJWT, StatusList } from "@sd-jwt/jwt-status-list";
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";

import { encodeStatusList } from "../../src/status-lists/encode-status-list.ts";
import type { TestAuthority } from "../authority.ts";
import { expectRefusal, granted, ISSUER, PASSWORD, startAuthority } from "../authority.ts";
import { revoke } from "./resource-server.ts";

const MEDIA_TYPE = "application/statuslist+jwt";

async function fetchList(authority: TestAuthority, uri: string, headers: Record<string, string> = {}) {
  return authority.server.fetch(new Request(uri, { headers }));
}

/** What an implementation that is not ours makes of a token's status: 0 is valid, 1 is invalid. */
async function statusOf(authority: TestAuthority, accessToken: string): Promise<number> {
  const { idx, uri } = getStatusListFromJWT(accessToken);
  const jwt = await (await fetchList(authority, uri)).text();
  expect(decodeJwt(jwt).sub).toBe(uri);
  return getListFromStatusListJWT(jwt).getStatus(idx);
}

describe("a status list, by a decoder that is not ours", () => {
  it("tells valid sessions from those that have ended", async () => {
    const authority = await startAuthority({ statusList: true });
    const sessions = [await authority.signedIn(), await authority.signedIn(), await authority.signedIn()];
    for (const { access_token: token } of sessions) expect(await statusOf(authority, token)).toBe(0);

    await authority.call("POST", "/auth/logout", { json: { refresh_token: sessions[1]?.refresh_token } });

    const statuses = sessions.map(async ({ access_token: token }) => statusOf(authority, token));
    expect(await Promise.all(statuses)).toEqual([0, 1, 0]);
  });

  it.each([
    [
      "the refresh token was revoked",
      async (authority: TestAuthority, session: { refresh_token: string }) => revoke(authority, session.refresh_token),
    ],
    [
      "the refresh token was stolen",
      async (authority: TestAuthority, session: { refresh_token: string }) => {
        granted(await authority.refresh(session.refresh_token));
        authority.advance(11);
        await authority.refresh(session.refresh_token);
      },
    ],
    [
      "the user signed out everywhere",
      async (authority: TestAuthority, session: { access_token: string }) =>
        authority.call("POST", "/auth/logout-all", { token: session.access_token }),
    ],
    [
      "the account was deleted",
      async (authority: TestAuthority, session: { access_token: string }) =>
        authority.call("DELETE", "/auth/me", { token: session.access_token, json: { password: PASSWORD } }),
    ],
  ])("has the bit set once %s", async (_what, end) => {
    const authority = await startAuthority({ statusList: true });
    const session = await authority.signedIn();
    expect(await statusOf(authority, session.access_token)).toBe(0);
    await end(authority, session);
    expect(await statusOf(authority, session.access_token)).toBe(1);
  });

  it("is signed anew once the key is revoked that signed it", async () => {
    const authority = await startAuthority({ statusList: true });
    const { access_token: token } = await authority.signedIn();
    const { uri } = getStatusListFromJWT(token);
    const keyOf = async () => decodeProtectedHeader(await (await fetchList(authority, uri)).text()).kid ?? "";
    const kid = await keyOf();
    expect(await keyOf()).toBe(kid);

    await authority.server.revokeKey(kid);

    expect(await keyOf()).not.toBe(kid);
  });

  it("keeps a session's place over refreshes and restarts", async () => {
    const authority = await startAuthority({ statusList: true });
    const session = await authority.signedIn();
    const next = granted(await authority.refresh(session.refresh_token));
    expect(getStatusListFromJWT(next.access_token)).toEqual(getStatusListFromJWT(session.access_token));
    await revoke(authority, next.refresh_token);
    const restarted = await authority.restart();
    expect(await statusOf(restarted, next.access_token)).toBe(1);
  });

  it("is cleared again when no token of the session can live any more", async () => {
    const authority = await startAuthority({ statusList: true });
    const session = await authority.signedIn();
    await revoke(authority, session.refresh_token);
    authority.advance(600);
    expect(await statusOf(authority, session.access_token)).toBe(1);
    authority.advance(600);
    expect(await statusOf(authority, session.access_token)).toBe(0);
  });

  it("gives every session a place of its own, in no order to be seen, also over restarts", async () => {
    let authority = await startAuthority({ statusList: true });
    const places: string[] = [];
    for (let restart = 0; restart < 3; restart++) {
      for (let count = 0; count < 5; count++) {
        const { idx, uri } = getStatusListFromJWT((await authority.signedIn()).access_token);
        expect(uri).toBe(`${ISSUER}/status-lists/0`);
        expect(idx).toBeGreaterThanOrEqual(0);
        expect(idx).toBeLessThan(2 ** 20);
        places.push(String(idx));
      }
      authority = await authority.restart();
    }
    expect(new Set(places).size).toBe(15);
    const sorted = places.map(Number).toSorted((one, other) => one - other);
    expect(places.map(Number)).not.toEqual(sorted);
    // In a row they would all be within a few hundred of each other.
    expect((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)).toBeGreaterThan(10_000);
  });
});

describe("a status list token", () => {
  it("is verified by jose with the published keys, and has the claims of the draft", async () => {
    const authority = await startAuthority({ statusList: { ttlSeconds: 60 } });
    const answer = await fetchList(authority, `${ISSUER}/status-lists/0`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe(MEDIA_TYPE);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=60");
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    const keys = (await authority.call("GET", "/.well-known/jwks.json")).body as { keys: [] };
    const { payload } = await jwtVerify(await answer.text(), createLocalJWKSet(keys), {
      issuer: ISSUER,
      subject: `${ISSUER}/status-lists/0`,
      typ: "statuslist+jwt",
      currentDate: new Date(1_800_000_000_000),
    });
    expect(payload).toEqual({
      iss: ISSUER,
      sub: `${ISSUER}/status-lists/0`,
      iat: 1_800_000_000,
      exp: 1_800_000_600,
      ttl: 60,
      status_list: { bits: 1, lst: expect.any(String) },
    });
  });

  it("is the same until something changes or half its ttl is over, and not sent again to who has it", async () => {
    const authority = await startAuthority({ statusList: true });
    const session = await authority.signedIn();
    const uri = `${ISSUER}/status-lists/0`;
    const etag = (await fetchList(authority, uri)).headers.get("etag") ?? "";
    authority.advance(14);
    const again = await fetchList(authority, uri, { "If-None-Match": etag });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");

    await revoke(authority, session.refresh_token);
    const changed = await fetchList(authority, uri, { "If-None-Match": etag });
    expect(changed.status).toBe(200);
    const next = changed.headers.get("etag") ?? "";
    expect(next).not.toBe(etag);

    authority.advance(15);
    const renewed = await fetchList(authority, uri, { "If-None-Match": next });
    expect(renewed.status).toBe(200);
    expect(decodeJwt(await renewed.text()).iat).toBe(1_800_000_029);
  });

  it("is there for every number, so that nobody learns how many lists are in use", async () => {
    const authority = await startAuthority({ statusList: true });
    await authority.signedIn();
    for (const number of [1, 2, 999_999_999]) {
      const answer = await fetchList(authority, `${ISSUER}/status-lists/${number}`);
      expect(answer.status).toBe(200);
      expect(decodeJwt(await answer.text()).sub).toBe(`${ISSUER}/status-lists/${number}`);
    }
  });

  it.each(["x", "-1", "00", "1.5", "1e3", "9999999999", "0?time=1800000000"])("is not found by %s", async (number) => {
    const authority = await startAuthority({ statusList: true });
    expectRefusal(await authority.call("GET", `/status-lists/${number}`), 404, "not_found");
  });

  it("is not served where the store cannot be read: an old list would be told as new", async () => {
    const authority = await startAuthority({ statusList: true });
    expect((await fetchList(authority, `${ISSUER}/status-lists/0`)).status).toBe(200);
    await authority.server.close();
    expectRefusal(await authority.call("GET", "/status-lists/0"), 503, "unavailable");
  });
});

describe("an authority that was not asked for status lists", () => {
  it("names none in its tokens, and has none", async () => {
    const authority = await startAuthority();
    expect(decodeJwt((await authority.signedIn()).access_token)).not.toHaveProperty("status");
    expectRefusal(await authority.call("GET", "/status-lists/0"), 404, "not_found");
  });

  it("goes on with the sessions that were begun while it had some, and the other way round", async () => {
    const before = await startAuthority({ statusList: true });
    const listed = await before.signedIn();
    const without = await before.restart({ statusList: false });
    const next = granted(await without.refresh(listed.refresh_token));
    expect(decodeJwt(next.access_token)).not.toHaveProperty("status");
    const unlisted = await without.signedIn();

    const after = await without.restart({ statusList: true });
    expect(getStatusListFromJWT(granted(await after.refresh(next.refresh_token)).access_token)).toEqual(
      getStatusListFromJWT(listed.access_token),
    );
    expect(decodeJwt(granted(await after.refresh(unlisted.refresh_token)).access_token)).not.toHaveProperty("status");
  });
});

describe("the encoding", () => {
  const REVOKED = [0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345];

  it("is that of the draft's test vector for a list of 2^20", async () => {
    const vector =
      "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb";
    const { lst } = await encodeStatusList(REVOKED);
    expect(StatusList.decompressStatusList(lst, 1).encodeStatusList()).toEqual(
      StatusList.decompressStatusList(vector, 1).encodeStatusList(),
    );
  });

  it("has exactly the bits set that are revoked, by the other decoder", async () => {
    const { bits, lst } = await encodeStatusList(REVOKED);
    const { statusList } = StatusList.decompressStatusList(lst, bits);
    expect(statusList).toHaveLength(2 ** 20);
    expect(statusList.flatMap((status, index) => (status === 1 ? [index] : []))).toEqual(REVOKED);
  });
});
