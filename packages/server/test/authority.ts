import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ErrorAnswer, SessionAnswer } from "@latchkey/protocol";
import { expect, onTestFinished } from "vitest";

import type { AuthServer, AuthServerOptions } from "../src/index.ts";
import { createArgon2Hasher, createAuthServer, createSqliteStore } from "../src/index.ts";

export const ISSUER = "https://auth.example.com";
export const PASSWORD = "correct horse battery staple";
export const MASTER_SECRET: Uint8Array = new Uint8Array(32).fill(7);

/** A hundredth of the work: tests sign up and in by the thousand. What passwords cost in earnest has tests of its own. */
const LIGHT_COSTS = { memoryKib: 64, passes: 1, parallelism: 1 };

export interface Call {
  readonly json?: unknown;
  /** Sent as it is, in place of `json`. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed body; `undefined` where there is none. */
  readonly body: unknown;
}

/** A real authority on a real database in a folder of its own, with a clock that the test moves. */
export interface TestAuthority {
  readonly server: AuthServer;
  readonly path: string;
  readonly logs: string[];
  /** Seconds since 1970, by the authority's clock. */
  readonly now: () => number;
  advance(seconds: number): void;
  call(method: string, path: string, call?: Call): Promise<Answer>;
  /** Signs up and in with the body transport. */
  signedIn(options?: {
    readonly email?: string;
    readonly login?: object;
  }): Promise<SessionAnswer & { refresh_token: string }>;
  refresh(refreshToken: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Closes the server and opens another on the same database, as a restart does. */
  restart(options?: Partial<AuthServerOptions>): Promise<TestAuthority>;
  /** Another node on the same database and clock. */
  beside(options?: Partial<AuthServerOptions>): Promise<TestAuthority>;
}

export async function startAuthority(options: Partial<AuthServerOptions> = {}): Promise<TestAuthority> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-server-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return openAuthority(join(folder, "latchkey.db"), { now: 1_800_000_000 }, options);
}

async function openAuthority(
  path: string,
  time: { now: number },
  options: Partial<AuthServerOptions>,
): Promise<TestAuthority> {
  const logs: string[] = [];
  const log = (level: string) => (fields: object, message: string) => {
    logs.push(
      `${level} ${message} ${JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? `${value.stack}` : value))}`,
    );
  };
  const server = createAuthServer({
    issuer: ISSUER,
    store: createSqliteStore({ path }),
    masterSecret: MASTER_SECRET,
    passwordHasher: createArgon2Hasher({ costs: LIGHT_COSTS }),
    clock: () => time.now,
    logger: { info: log("info"), warn: log("warn"), error: log("error") },
    ...options,
  });
  let open = true;
  const close = async (): Promise<void> => {
    if (open) await server.close();
    open = false;
  };
  onTestFinished(close);
  await server.ready();

  const authority: TestAuthority = {
    server,
    path,
    logs,
    now: () => time.now,
    advance(seconds) {
      time.now += seconds;
    },
    async call(method, target, { json, text, headers = {}, token } = {}) {
      const body = text ?? (json === undefined ? null : JSON.stringify(json));
      const request = new Request(`${server.issuer}${target}`, {
        method,
        body,
        headers: {
          ...(body !== null && { "Content-Type": "application/json" }),
          ...(token !== undefined && { Authorization: `Bearer ${token}` }),
          ...headers,
        },
      });
      const response = await server.fetch(request, { remoteAddress: "203.0.113.9" });
      const answer = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: answer === "" ? undefined : (JSON.parse(answer) as unknown),
      };
    },
    async signedIn({ email = "ada@example.com", login = {} } = {}) {
      await authority.call("POST", "/auth/signup", { json: { email, password: PASSWORD } });
      const { status, body } = await authority.call("POST", "/auth/login", {
        json: { email, password: PASSWORD, ...login },
      });
      expect(status).toBe(200);
      return body as SessionAnswer & { refresh_token: string };
    },
    refresh: (refreshToken, headers = {}) =>
      authority.call("POST", "/auth/refresh", { json: { refresh_token: refreshToken }, headers }),
    async restart(changed = {}) {
      await close();
      return openAuthority(path, time, { ...options, ...changed });
    },
    beside: (changed = {}) => openAuthority(path, time, { ...options, ...changed }),
  };
  return authority;
}

/** The session answer of a refresh that must have succeeded. */
export function granted(answer: Answer): SessionAnswer & { refresh_token: string } {
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as SessionAnswer & { refresh_token: string };
}

/** Asserts a refusal: its status, its code, and that nothing may be cached. */
export function expectRefusal(answer: Answer, status: number, code: ErrorAnswer["error"]): void {
  expect(answer.body).toMatchObject({ error: code, error_description: expect.any(String) });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("cache-control")).toBe("no-store");
}

let counter = 0;

/** An attempt key no test has used before. */
export function freshKey(): string {
  counter += 1;
  return `attempt-key-${String(counter).padStart(8, "0")}`;
}

/** A browser's cookie jar, as far as the authority's cookies need one. */
export function cookieJar() {
  const jar = new Map<string, string>();
  return {
    jar,
    take: (answer: Answer): string[] => {
      const set = answer.headers.getSetCookie();
      for (const cookie of set) {
        const [pair = "", ...attributes] = cookie.split("; ");
        const name = pair.slice(0, pair.indexOf("="));
        if (attributes.includes("Max-Age=0")) jar.delete(name);
        else jar.set(name, pair.slice(name.length + 1));
      }
      return set;
    },
    header: () => [...jar].map(([name, value]) => `${name}=${value}`).join("; "),
  };
}
