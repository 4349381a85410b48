import { describe, expect, it } from "vitest";

import type { Answer, TestAuthority } from "../authority.ts";
import { cookieJar, expectRefusal, freshKey, granted, ISSUER, PASSWORD, startAuthority } from "../authority.ts";

const RT = "__Secure-latchkey-rt";
const CSRF = "__Host-latchkey-csrf";
const ATTEMPT = "__Host-latchkey-attempt";

/** A browser on a page of the authority's own origin. */
async function signedInBrowser(authority: TestAuthority, login: object = {}) {
  const { jar, take, header } = cookieJar();
  await authority.call("POST", "/auth/signup", { json: { email: "ada@example.com", password: PASSWORD } });
  const answer = await authority.call("POST", "/auth/login", {
    json: { email: "ada@example.com", password: PASSWORD, ...login },
    headers: { Origin: new URL(authority.server.issuer).origin },
  });
  const setCookies = take(answer);
  const send = async (path: string, headers: Record<string, string> = {}): Promise<Answer> => {
    const sent = await authority.call("POST", path, {
      headers: {
        Origin: new URL(authority.server.issuer).origin,
        Cookie: header(),
        "X-CSRF-Token": [...jar].find(([name]) => name.endsWith("-csrf"))?.[1] ?? "",
        "Latchkey-Attempt": freshKey(),
        ...headers,
      },
    });
    take(sent);
    return sent;
  };
  return { jar, answer, setCookies, send, header };
}

describe("sign-in from a page of an allowed origin", () => {
  it("BR-01: sets the refresh token in a cookie out of reach of scripts, and in no body", async () => {
    const { answer, setCookies } = await signedInBrowser(await startAuthority());
    expect(answer.body).not.toHaveProperty("refresh_token");
    const [refresh, csrf, attempt] = setCookies;
    expect(refresh).toMatch(
      /^__Secure-latchkey-rt=ey[\w.-]+; Max-Age=604800; Path=\/auth; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect(csrf).toMatch(/^__Host-latchkey-csrf=0\.[\w-]{43}; Max-Age=604800; Path=\/; Secure; SameSite=Strict$/);
    expect(attempt).toBe(`${ATTEMPT}=; Max-Age=0; Path=/; Secure; SameSite=Strict`);
  });

  it("scope origin: names it __Host- and sends it to the whole origin", async () => {
    const { setCookies } = await signedInBrowser(await startAuthority({ cookies: { scope: "origin" } }));
    expect(setCookies[0]).toMatch(
      /^__Host-latchkey-rt=[^;]+; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
  });

  it("remember: false leaves cookies that end with the browser, also after a refresh", async () => {
    const { setCookies, send } = await signedInBrowser(await startAuthority(), { remember: false });
    const refreshed = await send("/auth/refresh");
    for (const cookie of [...setCookies.slice(0, 2), ...refreshed.headers.getSetCookie()]) {
      expect(cookie).not.toContain("Max-Age");
    }
  });

  it("drops prefixes and Secure for a loopback issuer over plain HTTP alone", async () => {
    const { setCookies } = await signedInBrowser(await startAuthority({ issuer: "http://localhost:3000" }));
    expect(setCookies[0]).toMatch(/^latchkey-rt=[^;]+; Max-Age=604800; Path=\/auth; HttpOnly; SameSite=Strict$/);
  });

  it("an issuer with a path keeps its cookie below that path", async () => {
    const { setCookies, send } = await signedInBrowser(await startAuthority({ issuer: `${ISSUER}/id` }));
    expect(setCookies[0]).toContain("; Path=/id/auth;");
    expect((await send("/auth/refresh")).status).toBe(200);
  });

  it("BR-11 E-09: begins a new session and ends the one the browser presented", async () => {
    const authority = await startAuthority();
    const { jar, header } = await signedInBrowser(authority);
    const planted = jar.get(RT) ?? "";
    const again = await authority.call("POST", "/auth/login", {
      json: { email: "ada@example.com", password: PASSWORD },
      headers: { Origin: ISSUER, Cookie: header() },
    });
    expect(again.status).toBe(200);
    expectRefusal(await authority.refresh(planted), 401, "session_ended");
  });
});

describe("refresh by cookie", () => {
  it("rotates the cookie and gives the access token alone", async () => {
    const { jar, send } = await signedInBrowser(await startAuthority());
    const before = jar.get(RT);
    const answer = await send("/auth/refresh");
    expect(answer.status).toBe(200);
    expect(answer.body).not.toHaveProperty("refresh_token");
    expect(jar.get(RT)).not.toBe(before);
    expect(jar.get(CSRF)).toMatch(/^1\./);
  });

  it("takes the attempt keys from the jar when no header has them", async () => {
    const authority = await startAuthority();
    const { jar, header } = await signedInBrowser(authority);
    const csrf = jar.get(CSRF) ?? "";
    jar.set(ATTEMPT, `0-${"a".repeat(22)}`);
    const once = async (): Promise<Answer> =>
      authority.call("POST", "/auth/refresh", { headers: { Origin: ISSUER, Cookie: header(), "X-CSRF-Token": csrf } });
    const [first, retry] = [await once(), await once()];
    expect(first.status).toBe(200);
    expect(retry.headers.getSetCookie()).toEqual(first.headers.getSetCookie());
    jar.set(ATTEMPT, `0-${"b".repeat(22)}`);
    expectRefusal(await once(), 401, "session_ended");
  });

  it("leaves the cookies alone when it answers session_ended: a late answer must not wipe a newer session's", async () => {
    const authority = await startAuthority();
    const { send } = await signedInBrowser(authority);
    await authority.server.setRoles("ada@example.com", []);
    authority.advance(8 * 86_400);
    const answer = await send("/auth/refresh");
    expectRefusal(answer, 401, "session_ended");
    expect(answer.headers.getSetCookie()).toEqual([]);
  });

  it.each([
    ["E-12 BR-02: from another origin", { Origin: "https://evil.example" }, 403, "origin_not_allowed"],
    ["from a sibling subdomain", { Origin: "https://evil.example.com" }, 403, "origin_not_allowed"],
    ["from an opaque origin", { Origin: "null" }, 403, "origin_not_allowed"],
    ["BR-04: from an origin that only begins alike", { Origin: `${ISSUER}.evil.example` }, 403, "origin_not_allowed"],
    ["from another port", { Origin: `${ISSUER}:8443` }, 403, "origin_not_allowed"],
    ["without the CSRF token", { "X-CSRF-Token": "" }, 403, "csrf_failed"],
    ["SE-03: with the CSRF token of no session", { "X-CSRF-Token": `0.${"A".repeat(43)}` }, 403, "csrf_failed"],
    ["with a malformed attempt key", { "Latchkey-Attempt": "short" }, 400, "invalid_request"],
  ] as const)("is refused %s, and the session lives", async (_what, headers, status, code) => {
    const { send } = await signedInBrowser(await startAuthority());
    expectRefusal(await send("/auth/refresh", headers), status, code);
    expect((await send("/auth/refresh")).status).toBe(200);
  });

  it("is refused without Origin and Fetch Metadata, and allowed where Sec-Fetch-Site vouches", async () => {
    const authority = await startAuthority();
    const { jar, header } = await signedInBrowser(authority);
    const headers = { Cookie: header(), "X-CSRF-Token": jar.get(CSRF) ?? "", "Latchkey-Attempt": freshKey() };
    const call = async (site?: string): Promise<Answer> =>
      authority.call("POST", "/auth/refresh", {
        headers: { ...headers, ...(site !== undefined && { "Sec-Fetch-Site": site }) },
      });
    expectRefusal(await call(), 403, "origin_not_allowed");
    expectRefusal(await call("same-site"), 403, "origin_not_allowed");
    expectRefusal(await call("cross-site"), 403, "origin_not_allowed");
    expect((await call("same-origin")).status).toBe(200);
  });

  it("a request prepared for another generation than its cookie is superseded, mends the jar and changes nothing", async () => {
    const authority = await startAuthority();
    const { jar, send } = await signedInBrowser(authority);
    const prepared = jar.get(CSRF) ?? "";
    const key = `0-${"a".repeat(22)}`;
    expect((await send("/auth/refresh", { "Latchkey-Attempt": key })).status).toBe(200);
    const [token, csrf] = [jar.get(RT), jar.get(CSRF)];

    expectRefusal(
      await send("/auth/refresh", { "X-CSRF-Token": prepared, "Latchkey-Attempt": key }),
      409,
      "superseded",
    );
    expect(jar.get(RT)).toBe(token);
    expect(jar.get(CSRF)).toBe(csrf);
    const proper = `1-${"b".repeat(22)},${key}`;
    expect((await send("/auth/refresh", { "Latchkey-Attempt": proper })).status).toBe(200);
    expect(jar.get(CSRF)).toMatch(/^2\./);
  });

  it("the CSRF token of another session does not do", async () => {
    const authority = await startAuthority();
    const first = await signedInBrowser(authority);
    const other = await signedInBrowser(authority);
    expectRefusal(await first.send("/auth/refresh", { "X-CSRF-Token": other.jar.get(CSRF) ?? "" }), 403, "csrf_failed");
  });

  it.each([
    ["E-10 BR-12: two refresh cookies", RT],
    ["two attempt cookies", ATTEMPT],
  ])("refuses %s, takes neither, and the session lives", async (_what, name) => {
    const authority = await startAuthority();
    const { jar, send, header } = await signedInBrowser(authority);
    const planted = `${header()}; ${name}=planted-planted-planted; ${name}=${jar.get(RT) ?? ""}`;
    const refused = await authority.call("POST", "/auth/refresh", {
      headers: { Origin: ISSUER, Cookie: planted, "X-CSRF-Token": jar.get(CSRF) ?? "" },
    });
    expectRefusal(refused, 400, "invalid_request");
    expect((await send("/auth/refresh")).status).toBe(200);
  });

  it("E-10: clears what a sibling host planted, whatever domain and path it chose, and the session goes on", async () => {
    const authority = await startAuthority({ issuer: "https://auth.eu.example.com/id" });
    const { jar, send, header } = await signedInBrowser(authority);
    const planted = new Set<string>();
    for (const domain of ["example.com", "eu.example.com", "auth.eu.example.com"]) {
      for (const path of ["/", "/id", "/id/", "/id/auth", "/id/auth/", "/id/auth/refresh"]) {
        planted.add(`Domain=${domain}; Path=${path}`);
      }
    }
    const refused = await authority.call("POST", "/auth/refresh", {
      headers: {
        Origin: "https://auth.eu.example.com",
        Cookie: `${[...planted].map((where) => `${RT}=${where.replaceAll(/[; ]/g, "_")}`).join("; ")}; ${header()}`,
        "X-CSRF-Token": jar.get(CSRF) ?? "",
      },
    });
    expectRefusal(refused, 400, "invalid_request");
    const cleared = refused.headers.getSetCookie();
    for (const cookie of cleared) {
      const [pair, maxAge, domain, path, ...others] = cookie.split("; ");
      expect([pair, maxAge, ...others]).toEqual([`${RT}=`, "Max-Age=0", "HttpOnly", "Secure", "SameSite=Strict"]);
      planted.delete(`${domain}; ${path}`);
    }
    // All that were planted are gone; ours lies under no domain.
    expect([...planted]).toEqual([]);
    expect(cleared.every((cookie) => cookie.includes("; Domain="))).toBe(true);
    expect((await send("/auth/refresh")).status).toBe(200);
  });

  it("E-10: at sign-in and sign-out as well; for a cookie that nobody can plant, or on loopback, there is nothing to clear", async () => {
    const authority = await startAuthority();
    const twice = { Origin: ISSUER, Cookie: `${RT}=one; ${RT}=two` };
    const json = { email: "ada@example.com", password: PASSWORD };
    for (const path of ["/auth/login", "/auth/logout"]) {
      const refused = await authority.call("POST", path, {
        headers: twice,
        ...(path === "/auth/login" && { json }),
      });
      expectRefusal(refused, 400, "invalid_request");
      expect(refused.headers.getSetCookie()).toContainEqual(
        expect.stringContaining(`Domain=example.com; Path=${path}`),
      );
    }
    const scoped = await startAuthority({ cookies: { scope: "origin" } });
    const host = RT.replace("__Secure-", "__Host-");
    const refused = await scoped.call("POST", "/auth/refresh", {
      headers: { Origin: ISSUER, Cookie: `${host}=one; ${host}=two` },
    });
    expectRefusal(refused, 400, "invalid_request");
    expect(refused.headers.getSetCookie()).toEqual([]);
    for (const issuer of ["http://localhost:8080", "http://127.0.0.1:8080"]) {
      const local = await startAuthority({ issuer });
      const answer = await local.call("POST", "/auth/refresh", {
        headers: { Origin: issuer, Cookie: "latchkey-rt=one; latchkey-rt=two" },
      });
      expectRefusal(answer, 400, "invalid_request");
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
  });

  it.each(["__secure-latchkey-rt", " __Secure-latchkey-rt\u00a0", "latchkey-rt", "__Host-latchkey-rt"])(
    "E-11: a cookie whose name is only like ours (%j) is not ours",
    async (name) => {
      const authority = await startAuthority();
      const { jar } = await signedInBrowser(authority);
      const answer = await authority.call("POST", "/auth/refresh", {
        headers: {
          Origin: ISSUER,
          Cookie: encodeURI(`${name}=${jar.get(RT) ?? ""}`),
          "X-CSRF-Token": jar.get(CSRF) ?? "",
        },
      });
      expectRefusal(answer, 401, "missing_token");
    },
  );

  it("without any refresh cookie is missing_token, which ends nothing", async () => {
    const authority = await startAuthority();
    expectRefusal(await authority.call("POST", "/auth/refresh", { headers: { Origin: ISSUER } }), 401, "missing_token");
    expectRefusal(await authority.call("POST", "/auth/refresh"), 401, "missing_token");
  });

  it("a body token is taken by itself: cookies beside it are not looked at", async () => {
    const authority = await startAuthority();
    const { header } = await signedInBrowser(authority);
    const other = await authority.signedIn({ email: "grace@example.com" });
    const answer = granted(
      await authority.refresh(other.refresh_token, { Cookie: header(), "Idempotency-Key": freshKey() }),
    );
    expect(answer.session_id).toBe(other.session_id);
  });
});

describe("sign-out by cookie", () => {
  it("E-14: ends the session and clears the cookies with the attributes they were set with", async () => {
    const authority = await startAuthority();
    const { jar, send } = await signedInBrowser(authority);
    const token = jar.get(RT) ?? "";
    const answer = await send("/auth/logout");
    expect(answer.status).toBe(204);
    expect(answer.headers.getSetCookie()).toEqual([
      `${RT}=; Max-Age=0; Path=/auth; HttpOnly; Secure; SameSite=Strict`,
      `${CSRF}=; Max-Age=0; Path=/; Secure; SameSite=Strict`,
      `${ATTEMPT}=; Max-Age=0; Path=/; Secure; SameSite=Strict`,
    ]);
    expectRefusal(await authority.refresh(token), 401, "session_ended");
  });

  it("E-12: is refused from another origin and without the CSRF token, and the session lives", async () => {
    const { send } = await signedInBrowser(await startAuthority());
    expectRefusal(await send("/auth/logout", { Origin: "https://evil.example" }), 403, "origin_not_allowed");
    expectRefusal(await send("/auth/logout", { "X-CSRF-Token": "" }), 403, "csrf_failed");
    expect((await send("/auth/refresh")).status).toBe(200);
  });
});

describe("cross-origin reading", () => {
  it("BR-04: is allowed to listed origins alone, with credentials, and varies by origin", async () => {
    const authority = await startAuthority({ allowedOrigins: ["https://app.example.com"] });
    const preflight = async (origin: string): Promise<Headers> =>
      (
        await authority.server.fetch(
          new Request(`${ISSUER}/auth/refresh`, {
            method: "OPTIONS",
            headers: { Origin: origin, "Access-Control-Request-Method": "POST" },
          }),
        )
      ).headers;
    const allowed = await preflight("https://app.example.com");
    expect(allowed.get("access-control-allow-origin")).toBe("https://app.example.com");
    expect(allowed.get("access-control-allow-credentials")).toBe("true");
    expect(allowed.get("access-control-allow-headers")).toContain("Latchkey-Attempt");
    expect(allowed.get("vary")).toContain("Origin");
    for (const origin of ["https://app.example.com.evil.example", "http://app.example.com", "null"]) {
      expect((await preflight(origin)).get("access-control-allow-origin")).toBeNull();
    }
  });

  it("E-12 login CSRF: cookies for a page of a foreign origin are refused", async () => {
    const authority = await startAuthority();
    await authority.signedIn();
    const answer = await authority.call("POST", "/auth/login", {
      json: { email: "ada@example.com", password: PASSWORD, transport: "cookie" },
      headers: { Origin: "https://evil.example" },
    });
    expectRefusal(answer, 403, "origin_not_allowed");
    expect(answer.headers.getSetCookie()).toEqual([]);
  });
});
