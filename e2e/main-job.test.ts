import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { DemoProcess } from "./demo-process.ts";
import { startDemo } from "./demo-process.ts";

const CREDENTIALS = { email: "ada@example.com", password: "correct horse battery staple" };

interface Grant {
  readonly access_token: string;
  readonly refresh_token: string;
}

let demo: DemoProcess;

beforeAll(async () => {
  demo = await startDemo();
  await post("/auth/signup", CREDENTIALS);
});
afterAll(async () => {
  await demo.stop();
});

async function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(demo.url + path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers },
  });
}

async function signIn(options: object = {}): Promise<Grant> {
  const answer = await post("/auth/login", { ...CREDENTIALS, ...options });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Grant;
}

async function callApi(path: string, token?: string): Promise<Response> {
  return fetch(demo.api + path, { headers: token === undefined ? {} : { Authorization: `Bearer ${token}` } });
}

describe("the demo API, in a process of its own", () => {
  it("answers /api/me to any valid token, and tells whose it is", async () => {
    const { access_token } = await signIn();
    const answer = await callApi("/api/me", access_token);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ claims: { iss: demo.url, aud: demo.api, scope: "read:profile" } });
  });

  it("answers /api/reports with the scope read:reports alone, else with the challenge that names it", async () => {
    const without = await callApi("/api/reports", (await signIn()).access_token);
    expect(without.status).toBe(403);
    expect(without.headers.get("www-authenticate")).toBe('Bearer error="insufficient_scope", scope="read:reports"');
    const granted = await signIn({ scope: "read:profile read:reports" });
    expect((await callApi("/api/reports", granted.access_token)).status).toBe(200);
  });

  it("challenges without an error code where there is no token", async () => {
    const answer = await callApi("/api/me");
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer, DPoP algs="[^"]+"$/);
  });

  it("refuses garbage, unsigned, changed, foreign and refresh tokens with invalid_token", async () => {
    const { access_token, refresh_token } = await signIn();
    const elsewhere = await signIn({ audience: `${demo.api}/elsewhere` });
    const [header = "", payload = "", signature = ""] = access_token.split(".");
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const tokens = {
      garbage: "garbage",
      "A-01: alg none": `${encode({ typ: "at+jwt", alg: "none" })}.${payload}.`,
      "A-01: alg none with a signature": `${encode({ typ: "at+jwt", alg: "none" })}.${payload}.${signature}`,
      "changed payload": `${header}.${payload.slice(0, -2)}AA.${signature}`,
      "C-01: another audience": elsewhere.access_token,
      "C-06: a refresh token": refresh_token,
    };
    for (const [what, token] of Object.entries(tokens)) {
      const answer = await callApi("/api/me", token);
      expect(answer.status, what).toBe(401);
      expect(answer.headers.get("www-authenticate"), what).toBe(
        'Bearer error="invalid_token", error_description="invalid_token"',
      );
    }
  });

  it("G4: refuses a token that it has accepted within a second of the sign-out, and the user's other session's not", async () => {
    const [ended, other] = [await signIn(), await signIn()];
    expect((await callApi("/api/me", ended.access_token)).status).toBe(200);

    expect((await post("/auth/logout", { refresh_token: ended.refresh_token })).status).toBe(204);

    const status = async (): Promise<number> => (await callApi("/api/me", ended.access_token)).status;
    await expect.poll(status, { timeout: 1_000, interval: 20 }).toBe(401);
    expect((await callApi("/api/me", other.access_token)).status).toBe(200);
  });

  it("refuses an expired token with expired_token", async () => {
    const brief = await signIn({ audience: `${demo.api}/brief` });
    expect((await callApi("/api/me", brief.access_token)).status).toBe(200);
    let answer = await callApi("/api/me", brief.access_token);
    for (let second = 0; second < 25 && answer.status === 200; second++) {
      await sleep(1_000);
      answer = await callApi("/api/me", brief.access_token);
    }
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe(
      'Bearer error="invalid_token", error_description="expired_token"',
    );
  }, 40_000);
});

describe("the whole path by hand", () => {
  it("sign in, me, refresh, retry with the same key, and a copy used with another key", async () => {
    const first = await signIn();
    const me = await fetch(`${demo.url}/auth/me`, { headers: { Authorization: `Bearer ${first.access_token}` } });
    expect(await me.json()).toMatchObject({ user: { email: CREDENTIALS.email } });

    const refresh = async (refresh_token: string, key: string): Promise<Response> =>
      post("/auth/refresh", { refresh_token }, { "Idempotency-Key": key });
    const second = (await (await refresh(first.refresh_token, "attempt-key-number-1")).json()) as Grant;
    const again = (await (await refresh(first.refresh_token, "attempt-key-number-1")).json()) as Grant;
    expect(again.refresh_token).toBe(second.refresh_token);

    const copy = await refresh(first.refresh_token, "attempt-key-of-a-thief");
    expect(copy.status).toBe(401);
    expect(await copy.json()).toMatchObject({ error: "session_ended" });
    expect((await refresh(second.refresh_token, "attempt-key-number-2")).status).toBe(401);
  });
});

describe("npm start", () => {
  it("prints where it is and nothing confusing", () => {
    const plain = stripVTControlCharacters(demo.output());
    expect(plain).toMatch(
      /^\n {2}Latchkey is running\. {2}Open http:\/\/localhost:\d+\n\n {2}demo API {3}http:\/\/localhost:\d+\n {2}data .*\n {2}stop {7}Ctrl-C\n\n$/,
    );
  });

  it.each(["SIGINT", "SIGTERM"] as const)("stops both processes cleanly on %s", async (signal) => {
    const other = await startDemo();
    expect((await fetch(`${other.url}/health/ready`)).status).toBe(200);
    expect(await other.stop(signal)).toBe(0);
    await expect(fetch(`${other.url}/health/ready`)).rejects.toThrow("fetch failed");
    await expect(fetch(`${other.api}/health/ready`)).rejects.toThrow("fetch failed");
  });

  it("says what to do where a port is taken", async () => {
    const { spawn } = await import("node:child_process");
    const taken = spawn("node", ["scripts/start.mjs"], {
      env: { ...process.env, PORT: new URL(demo.url).port, API_PORT: new URL(demo.api).port },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let printed = "";
    taken.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    const [code] = (await once(taken, "exit")) as [number];
    expect(code).toBe(1);
    expect(printed).toContain("PORT=4000 npm start");
  });
});
