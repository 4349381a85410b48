import { inspect } from "node:util";

import * as dpop from "dpop";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { createSsrClient } from "../../src/ssr/create-ssr-client.ts";
import type { SsrClient } from "../../src/ssr/create-ssr-client.ts";
import type { AuthorityOverHttp } from "../node/authority-over-http.ts";
import { openAuthorityOverHttp } from "../node/authority-over-http.ts";
import { USER } from "../world/authority.ts";
import type { CookieJar } from "../world/cookie-jar.ts";
import { createCookieJar } from "../world/cookie-jar.ts";

let authority: AuthorityOverHttp;
let ssr: SsrClient;
beforeAll(async () => {
  authority = await openAuthorityOverHttp({ cookies: { scope: "origin", accessToken: true } });
  ssr = createSsrClient({ issuer: authority.issuer });
});
afterAll(() => authority.close());

const PAGE = "http://localhost:8080/reports?month=10";

function requestOf(cookie: string, init: RequestInit & { readonly url?: string } = {}): Request {
  const { url = PAGE, headers, ...rest } = init;
  return new Request(url, { ...rest, headers: { Cookie: cookie, ...(headers as Record<string, string>) } });
}

async function signIn(proof: { readonly DPoP?: string } = {}): Promise<CookieJar> {
  const jar = createCookieJar();
  const response = await fetch(`${authority.issuer}/auth/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Origin: authority.issuer, ...proof },
    body: JSON.stringify({ ...USER, transport: "cookie" }),
  });
  jar.store(response.headers.getSetCookie());
  return jar;
}

function dropAccessToken(jar: CookieJar): void {
  jar.store(["latchkey-at=; Path=/; Max-Age=0"]);
}

/** As a browser: keeps the cookies of the detour, and asks again. */
async function openAfterDetour(jar: CookieJar): ReturnType<SsrClient["open"]> {
  const { detour } = await ssr.open(requestOf(jar.headerFor("/")));
  expect(detour?.status).toBe(307);
  jar.store(detour?.headers.getSetCookie() ?? []);
  return ssr.open(requestOf(jar.headerFor("/")));
}

describe("a request's session", () => {
  it("is nobody's without cookies, and asks no authority", async () => {
    const { session } = await ssr.open(requestOf("theme=dark"));
    expect(await session?.getAccessToken()).toBeUndefined();
    const headers = new Headers();
    session?.writeCookies(headers);
    expect(headers.getSetCookie()).toEqual([]);
  });

  it("has the attempt key in the browser's jar before the authority is asked", async () => {
    const jar = await signIn();
    dropAccessToken(jar);
    const { detour } = await ssr.open(requestOf(jar.headerFor("/")));
    expect(detour?.headers.get("Location")).toBe("/reports?month=10");
    expect(detour?.headers.get("Cache-Control")).toBe("no-store");
    expect(detour?.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^latchkey-attempt=gen-0-[0-9a-v]{26}; Path=\/; Max-Age=\d+; SameSite=Strict$/),
    ]);
  });

  it("E-01: gives a copy of the jar no key that the browser is given, however often the copy asks", async () => {
    const jar = await signIn();
    dropAccessToken(jar);
    const copy = jar.headerFor("/");
    const first = await ssr.open(requestOf(copy));
    const others = await Promise.all(Array.from({ length: 3 }, () => ssr.open(requestOf(copy))));
    expect(first.detour?.headers.getSetCookie()).toHaveLength(1);
    for (const { detour } of others) {
      expect(detour?.status).toBe(307);
      expect(detour?.headers.getSetCookie()).toEqual([]);
    }
    jar.store(first.detour?.headers.getSetCookie() ?? []);
    expect((await ssr.open(requestOf(jar.headerFor("/")))).session).toBeDefined();
  });

  it("gives out another key where the answer with the first was lost, before a browser tires of asking", async () => {
    const jar = await signIn();
    dropAccessToken(jar);
    await ssr.open(requestOf(jar.headerFor("/")));
    let asked = 0;
    for (let cookies: readonly string[] = []; cookies.length === 0; asked++) {
      cookies = (await ssr.open(requestOf(jar.headerFor("/")))).detour?.headers.getSetCookie() ?? [];
    }
    expect(asked).toBeLessThanOrEqual(20);
  });

  it("refreshes once however many ask at once, and forwards the authority's cookies, and no others", async () => {
    const jar = await signIn();
    dropAccessToken(jar);
    jar.store(["theme=dark; Path=/"]);
    const seen: (string | null)[] = [];
    authority.intercept = async (request) => {
      seen.push(request.headers.get("Cookie"));
      return undefined;
    };
    const { session } = await openAfterDetour(jar);
    const tokens = await Promise.all([1, 2, 3, 4].map(async () => session?.getAccessToken()));
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).toMatch(/^ey/);
    expect(seen).toHaveLength(1);
    expect(seen[0]).not.toContain("theme");
    expect(seen[0]).toMatch(/latchkey-rt=.*latchkey-attempt=gen-0-/);

    const headers = new Headers({ "Cache-Control": "public, max-age=60" });
    session?.writeCookies(headers);
    expect(headers.getSetCookie().map((cookie) => cookie.split("=")[0])).toEqual([
      "latchkey-at",
      "latchkey-rt",
      "latchkey-csrf",
    ]);
    // A shared cache would sign others in with them (E-15).
    expect(headers.get("Cache-Control")).toBe("private, no-store");
    jar.store(headers.getSetCookie());
    expect((await ssr.open(requestOf(jar.headerFor("/")))).detour).toBeUndefined();
    authority.intercept = async () => undefined;
  });

  it("is nobody's to this server where it is bound to a key of the browser's, and stays the page's", async () => {
    const keys = await dpop.generateKeyPair("ES256");
    const prove = (path: string): Promise<string> => dpop.generateProof(keys, authority.issuer + path, "POST");
    const jar = await signIn({ DPoP: await prove("/auth/login") });
    const { session } = await openAfterDetour(jar);
    expect(await session?.getAccessToken()).toBeUndefined();
    const headers = new Headers();
    session?.writeCookies(headers);
    expect(headers.getSetCookie()).toEqual([]);
    const answer = await fetch(`${authority.issuer}/auth/refresh`, {
      method: "POST",
      headers: {
        Origin: authority.issuer,
        Cookie: jar.headerFor("/auth"),
        "X-CSRF-Token": jar.get("latchkey-csrf") ?? "",
        DPoP: await prove("/auth/refresh"),
      },
    });
    expect(answer.status).toBe(200);
  });

  it("is never signed out by an authority that does not answer", async () => {
    const jar = await signIn();
    dropAccessToken(jar);
    const { session } = await openAfterDetour(jar);
    authority.intercept = async () => new Response(null, { status: 502 });
    await expect(session?.getAccessToken()).rejects.toMatchObject({ code: "unreachable" });
    authority.intercept = async () => undefined;
    const again = await ssr.open(requestOf(jar.headerFor("/")));
    expect(await again.session?.getAccessToken()).toMatch(/^ey/);
  });

  it("counts for nothing with two cookies of one name (BR-12, E-10)", async () => {
    const jar = await signIn();
    for (const name of ["latchkey-rt", "latchkey-csrf", "latchkey-at"]) {
      const { session } = await ssr.open(requestOf(`${jar.headerFor("/")}; ${name}=planted`));
      expect(await session?.getAccessToken()).toBeUndefined();
    }
  });

  it("reads cookies by their exact names alone (E-11)", async () => {
    const jar = await signIn();
    const cookies = jar.headerFor("/").replaceAll("latchkey-", "Latchkey-");
    const { session, detour } = await ssr.open(requestOf(`$Version=1; ${cookies}; x latchkey-at=1`));
    expect(detour).toBeUndefined();
    expect(await session?.getAccessToken()).toBeUndefined();
  });

  it("is over once the page has wiped the CSRF cookie: signed out without a network", async () => {
    const jar = await signIn();
    jar.page.cookie = "latchkey-csrf=; Path=/; Max-Age=0";
    const { session } = await ssr.open(requestOf(jar.headerFor("/")));
    expect(await session?.getAccessToken()).toBeUndefined();
  });

  it.each([
    ["//evil.example/x", "/.//evil.example/x"],
    ["/a?b=//evil.example", "/a?b=//evil.example"],
  ])("sends the browser nowhere else: %s", async (path, location) => {
    const jar = await signIn();
    dropAccessToken(jar);
    const { detour } = await ssr.open(requestOf(jar.headerFor("/"), { url: `http://localhost:8080${path}` }));
    expect(detour?.headers.get("Location")).toBe(location);
    expect(new URL(location, PAGE).host).toBe("localhost:8080");
  });

  it.each([
    [{ Origin: "https://evil.example" }, 403],
    [{ Origin: "null" }, 403],
    [{}, 403],
    [{ "Sec-Fetch-Site": "same-site" }, 403],
    [{ "Sec-Fetch-Site": "same-origin" }, undefined],
  ])("takes anything but GET and HEAD only from its own pages: %j (BR-02)", async (headers, status) => {
    const { detour } = await ssr.open(requestOf("", { method: "POST", headers }));
    expect(detour?.status).toBe(status);
  });

  it("sends the token to no origin that is not listed", async () => {
    const jar = await signIn();
    const stranger = await openAuthorityOverHttp();
    try {
      let seen: Headers | undefined;
      stranger.intercept = async (request) => {
        seen = request.headers;
        return undefined;
      };
      await (await ssr.open(requestOf(jar.headerFor("/")))).session?.fetch(`${stranger.issuer}/auth/me`);
      expect(seen?.get("Authorization")).toBeNull();
      expect(seen?.get("Cookie")).toBeNull();
    } finally {
      await stranger.close();
    }
  });

  it("drops a token that an API refuses, so that the next request fetches another", async () => {
    const jar = await signIn();
    const { session } = await ssr.open(requestOf(jar.headerFor("/")));
    authority.intercept = async () =>
      new Response(null, {
        status: 401,
        headers: { "WWW-Authenticate": 'Bearer error="invalid_token", error_description="stale_token"' },
      });
    expect((await session?.fetch(`${authority.issuer}/auth/me`))?.status).toBe(401);
    authority.intercept = async () => undefined;
    const headers = new Headers();
    session?.writeCookies(headers);
    jar.store(headers.getSetCookie());
    expect(await (await openAfterDetour(jar)).session?.getAccessToken()).toMatch(/^ey/);
  });

  it("shows no token to whoever prints it", async () => {
    const jar = await signIn();
    const { session } = await ssr.open(requestOf(jar.headerFor("/")));
    await session?.getAccessToken();
    expect(inspect(session, { depth: 9, showHidden: true }) + JSON.stringify(session)).not.toMatch(/ey[A-Z]/);
  });
});

describe("the address that a browser asks from", () => {
  const openTrusting = async (trustedProxies: readonly string[]) => {
    const trusting = await openAuthorityOverHttp({ cookies: { scope: "origin" }, trustedProxies });
    onTestFinished(() => trusting.close());
    const client = createSsrClient({
      issuer: trusting.issuer,
      clientAddress: ({ headers }) => headers.get("X-Peer") ?? undefined,
    });
    const headers = { Origin: trusting.issuer, "X-Peer": "203.0.113.9", "X-Forwarded-For": "192.0.2.1" };
    const { session } = await client.open(requestOf("", { method: "POST", headers }));
    await session?.signIn(USER);
    const token = (await session?.getAccessToken()) ?? "";
    const answer = await fetch(`${trusting.issuer}/auth/sessions`, { headers: { Authorization: `Bearer ${token}` } });
    const { sessions } = (await answer.json()) as { sessions: { current: boolean; ip: string }[] };
    return sessions.find(({ current }) => current)?.ip;
  };

  it("is told to the authority, which counts and records it where it trusts this server", async () => {
    expect(await openTrusting(["127.0.0.1", "::1"])).toBe("203.0.113.9");
  });

  it("is not believed where it does not; nor ever what a browser says of itself", async () => {
    expect(await openTrusting([])).toMatch(/^(127\.0\.0\.1|::1)$/);
  });
});
