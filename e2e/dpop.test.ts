import * as dpop from "dpop";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { DemoProcess } from "./demo-process.ts";
import { startDemo } from "./demo-process.ts";

const CREDENTIALS = { email: "ada@example.com", password: "correct horse battery staple" };

interface Grant {
  readonly token_type: string;
  readonly access_token: string;
  readonly refresh_token: string;
}

let demo: DemoProcess;
let keys: dpop.KeyPair;
let thief: dpop.KeyPair;

beforeAll(async () => {
  demo = await startDemo();
  keys = await dpop.generateKeyPair("ES256");
  thief = await dpop.generateKeyPair("ES256");
  await post("/auth/signup", CREDENTIALS);
});
afterAll(async () => {
  await demo.stop();
});

function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(demo.url + path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers },
  });
}

async function prove(method: string, url: string, options: { by?: dpop.KeyPair; token?: string } = {}) {
  return { DPoP: await dpop.generateProof(options.by ?? keys, url, method, undefined, options.token) };
}

async function granted(answering: Promise<Response>): Promise<Grant> {
  const answer = await answering;
  const body: unknown = await answer.json();
  expect(answer.status, JSON.stringify(body)).toBe(200);
  return body as Grant;
}

async function signIn(): Promise<Grant> {
  return granted(post("/auth/login", CREDENTIALS, await prove("POST", `${demo.url}/auth/login`)));
}

async function refresh(refreshToken: string, by?: dpop.KeyPair): Promise<Response> {
  const proof = await prove("POST", `${demo.url}/auth/refresh`, by === undefined ? {} : { by });
  return post("/auth/refresh", { refresh_token: refreshToken }, proof);
}

async function call(url: string, token: string, headers: Record<string, string>): Promise<Response> {
  return fetch(url, { headers: { Authorization: `DPoP ${token}`, ...headers } });
}

describe("a session bound to a key, with a real authority and a real API in processes of their own", () => {
  it("DP-01 DP-04 DP-05: signs in, calls both, refreshes, and calls again", async () => {
    let grant = await signIn();
    for (let round = 0; round < 3; round++) {
      expect(grant.token_type).toBe("DPoP");
      for (const url of [`${demo.api}/api/me`, `${demo.url}/auth/me`]) {
        const answer = await call(url, grant.access_token, await prove("GET", url, { token: grant.access_token }));
        expect(answer.status).toBe(200);
      }
      grant = await granted(refresh(grant.refresh_token));
    }
  });

  it("G-04 RS-04: stolen tokens are useless without the key, at the API, the account routes and the refresh", async () => {
    const { access_token: token, refresh_token: refreshToken } = await signIn();
    for (const url of [`${demo.api}/api/me`, `${demo.url}/auth/me`]) {
      const tries = [
        fetch(url, { headers: { Authorization: `Bearer ${token}` } }),
        call(url, token, {}),
        call(url, token, await prove("GET", url, { by: thief, token })),
      ];
      for (const answer of await Promise.all(tries)) expect(answer.status).toBe(401);
    }
    expect((await refresh(refreshToken, thief)).status).toBe(401);
    expect((await post("/auth/refresh", { refresh_token: refreshToken })).status).toBe(400);
    await granted(refresh(refreshToken));
  });

  it("G-01: a proof counts once, at each of them", async () => {
    const { access_token: token, refresh_token: refreshToken } = await signIn();
    for (const url of [`${demo.api}/api/me`, `${demo.url}/auth/me`]) {
      const proof = await prove("GET", url, { token });
      const answers = await Promise.all(Array.from({ length: 5 }, () => call(url, token, proof)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    }
    const proof = await prove("POST", `${demo.url}/auth/refresh`);
    const next = await granted(post("/auth/refresh", { refresh_token: refreshToken }, proof));
    const replayed = await post("/auth/refresh", { refresh_token: next.refresh_token }, proof);
    expect([replayed.status, await replayed.json()]).toMatchObject([400, { error: "invalid_dpop_proof" }]);
    await granted(refresh(next.refresh_token));
  });

  it("a client that hears no answer, several times and several generations long, is given the live token", async () => {
    const { refresh_token: oldest } = await signIn();
    const answered: string[] = [];
    let latest = oldest;
    for (let generation = 0; generation < 4; generation++) {
      await post("/auth/refresh", { refresh_token: latest }, await prove("POST", `${demo.url}/auth/refresh`));
      latest = (await granted(refresh(latest))).refresh_token;
    }
    for (let tries = 0; tries < 3; tries++) answered.push((await granted(refresh(oldest))).refresh_token);
    expect(new Set(answered)).toEqual(new Set([latest]));
  });

  it("DP-02 G-02: a proof for one server is none for another", async () => {
    const { access_token: token } = await signIn();
    const [forApi, forAuthority] = [`${demo.api}/auth/me`, `${demo.url}/api/me`];
    const atAuthority = await call(`${demo.url}/auth/me`, token, await prove("GET", forApi, { token }));
    const atApi = await call(`${demo.api}/api/me`, token, await prove("GET", forAuthority, { token }));
    for (const answer of [atAuthority, atApi]) {
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toMatch(/^DPoP error="invalid_dpop_proof", algs="/);
    }
  });
});
