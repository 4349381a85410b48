import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isAxiosError } from "axios";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { createAxios } from "../../src/axios/index.ts";
import type { Client } from "../../src/client.ts";
import { createKy } from "../../src/ky/index.ts";
import { createClient, createFileStore } from "../../src/node/index.ts";
import type { AuthorityOverHttp } from "../node/authority-over-http.ts";
import { openAuthorityOverHttp } from "../node/authority-over-http.ts";
import { USER } from "../world/authority.ts";

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What somebody does with either library. */
interface Library {
  readonly name: string;
  readonly get: (client: Client, url: string) => Promise<Answer>;
  readonly post: (client: Client, url: string, json: object) => Promise<Answer>;
  /** The code of the client's error behind what was thrown. */
  readonly codeOf: (error: unknown) => unknown;
}

const LIBRARIES: readonly Library[] = [
  {
    name: "axios",
    get: async (client, url) => {
      const { status, data } = await createAxios(client, { validateStatus: () => true }).get<unknown>(url);
      return { status, body: data };
    },
    post: async (client, url, json) => {
      const { status, data } = await createAxios(client, { validateStatus: () => true }).post<unknown>(url, json);
      return { status, body: data };
    },
    codeOf: (error) => isAxiosError(error) && (error.cause as { readonly code?: unknown }).code,
  },
  {
    name: "ky",
    get: async (client, url) => {
      const answer = await createKy(client, { throwHttpErrors: false, retry: 0 }).get(url);
      return { status: answer.status, body: await answer.json() };
    },
    post: async (client, url, json) => {
      const answer = await createKy(client, { throwHttpErrors: false, retry: 0 }).post(url, { json });
      return { status: answer.status, body: await answer.json() };
    },
    codeOf: (error) => (error as { readonly code?: unknown }).code,
  },
];

let authority: AuthorityOverHttp;
let stranger: AuthorityOverHttp;
let folder: string;
let client: Client;
beforeAll(async () => {
  [authority, stranger] = await Promise.all([openAuthorityOverHttp(), openAuthorityOverHttp()]);
});
afterAll(() => Promise.all([authority.close(), stranger.close()]));
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "latchkey-adapters-"));
  client = createClient({ issuer: authority.issuer, store: createFileStore({ folder: join(folder, "credentials") }) });
  await client.signIn(USER);
});
afterEach(() => {
  client.close();
  authority.intercept = async () => undefined;
  rmSync(folder, { recursive: true });
});

/** Refuses the first of what comes for `path`, and keeps the bodies and tokens of all. */
function refuseFirst(path: string, code: string): readonly { readonly token: string | null; readonly body: string }[] {
  const seen: { readonly token: string | null; readonly body: string }[] = [];
  authority.intercept = async (request) => {
    if (!request.url.endsWith(path)) return undefined;
    seen.push({ token: request.headers.get("Authorization"), body: await request.text() });
    if (seen.length > 1) return Response.json({ written: true });
    const challenge = `Bearer error="invalid_token", error_description="${code}"`;
    return Response.json({}, { status: 401, headers: { "WWW-Authenticate": challenge } });
  };
  return seen;
}

describe.each(LIBRARIES)("$name with the client", ({ get, post, codeOf }) => {
  it("sends the access token to an allow-listed origin", async () => {
    const answer = await get(client, `${authority.issuer}/auth/me`);
    expect(answer).toMatchObject({ status: 200, body: { user: { email: USER.email } } });
  });

  it("sends no token to any other origin", async () => {
    let seen: string | null | undefined;
    stranger.intercept = async (request) => {
      seen = request.headers.get("Authorization");
      return undefined;
    };
    expect((await get(client, `${stranger.issuer}/auth/me`)).status).toBe(401);
    expect(seen).toBeNull();
  });

  it("refreshes and sends once more, body and all, what was refused for an old token", async () => {
    const seen = refuseFirst("/api/reports", "stale_token");
    const answer = await post(client, `${authority.issuer}/api/reports`, { month: "2026-10" });
    expect(answer).toEqual({ status: 200, body: { written: true } });
    expect(seen.map(({ body }) => body)).toEqual(['{"month":"2026-10"}', '{"month":"2026-10"}']);
    expect(seen[1]?.token).toMatch(/^Bearer ey/);
    expect(seen[1]?.token).not.toBe(seen[0]?.token);
  });

  it("sends nothing twice that was refused for another cause", async () => {
    const seen = refuseFirst("/api/reports", "insufficient_scope");
    expect((await get(client, `${authority.issuer}/api/reports`)).status).toBe(401);
    expect(seen).toHaveLength(1);
  });

  it("says that the authority cannot be reached where there is no token to be had", async () => {
    const brief = await openAuthorityOverHttp({ accessTokenTtlSeconds: 1 });
    const starved = createClient({
      issuer: brief.issuer,
      store: createFileStore({ folder: join(folder, "others") }),
    });
    await starved.signIn(USER);
    brief.intercept = async () => new Response(null, { status: 503 });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const failure = await get(starved, `${brief.issuer}/auth/me`).catch((error: unknown) => error);
    expect(codeOf(failure)).toBe("unreachable");
    starved.close();
    await brief.close();
  });
});
