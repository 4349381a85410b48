import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { freePort } from "../../../scripts/free-port.ts";
import { ROUTES } from "../../server/src/http/routes.ts";
import { describeError, safeText } from "../src/log-secrecy.ts";
import { sendRaw } from "./raw-http.ts";
import { startServe, temporaryFolder } from "./serve-process.ts";

const CREDENTIALS = { email: "ada@example.com", password: "correct horse battery staple" };
const RESOURCE_SERVER_SECRET = "resource-server-secret-0123456789abcdef0123";

/** What must be in no log, each where a request can carry it. */
const SECRETS = {
  password: "hunter2-in-a-password-field",
  header: "hunter2-in-an-authorization-header",
  cookie: "hunter2-in-a-cookie",
  proof: "hunter2-in-a-proof",
  query: "hunter2-in-a-query",
  body: "hunter2-in-a-body",
  csrf: "hunter2-in-a-csrf-header",
  attempt: "hunter2-in-an-attempt-key",
};

async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers },
  });
}

/** Every route, and some that are none, with something secret everywhere. */
async function flood(url: string): Promise<void> {
  const headers = {
    Authorization: `Bearer ${SECRETS.header}`,
    Cookie: `latchkey-rt=${SECRETS.cookie}; latchkey-csrf=${SECRETS.cookie}; latchkey-session=${SECRETS.cookie}`,
    DPoP: SECRETS.proof,
    "X-CSRF-Token": SECRETS.csrf,
    "Latchkey-Attempt": SECRETS.attempt,
    "Idempotency-Key": SECRETS.attempt,
    Origin: url,
    "X-Forwarded-For": SECRETS.header,
    Referer: `${url}/?token=${SECRETS.query}`,
  };
  const bodies = [
    JSON.stringify({ ...CREDENTIALS, password: SECRETS.password, refresh_token: SECRETS.body, token: SECRETS.body }),
    JSON.stringify({ refresh_token: SECRETS.body }),
    `{"password":"${SECRETS.password}"`,
    `token=${SECRETS.body}&client_id=first-party`,
  ];
  for (const { method, path } of [
    ...ROUTES,
    { method: "POST", path: "/nothing" },
    { method: "PUT", path: "/auth/me" },
  ]) {
    for (const body of method === "GET" ? [null] : bodies) {
      const type = body?.startsWith("token=") === true ? "application/x-www-form-urlencoded" : "application/json";
      const answer = await fetch(`${url}${path.replace(":id", "x")}?access_token=${SECRETS.query}`, {
        method,
        body,
        headers: { ...headers, ...(body !== null && { "Content-Type": type }) },
      });
      await answer.arrayBuffer();
    }
  }
}

describe.each(["json", "pretty"])("OP-01 H-08 E-19: a log for %s", (format) => {
  it(
    "holds a line for each request and nothing that is secret, whatever is asked for",
    { timeout: 60_000 },
    async () => {
      const [folder, port] = [temporaryFolder(), await freePort()];
      const env = { LATCHKEY_RESOURCE_SERVERS: `api:${RESOURCE_SERVER_SECRET}` };
      const server = await startServe(folder, port, env, ["--log-requests", "--log-format", format]);
      await flood(server.url);
      await post(`${server.url}/auth/signup`, CREDENTIALS);
      const signedIn = await post(`${server.url}/auth/login`, CREDENTIALS);
      const session = (await signedIn.json()) as { refresh_token: string; access_token: string };
      const cookies = (
        await post(`${server.url}/auth/login`, CREDENTIALS, { Origin: server.url })
      ).headers.getSetCookie();
      await fetch(`${server.url}/${session.access_token}/${session.refresh_token}`);
      const basic = `Basic ${btoa(`api:${RESOURCE_SERVER_SECRET}`)}`;
      await fetch(`${server.url}/revocations`, { headers: { Authorization: basic } });
      for (const key of ["attempt-key-number-1", "attempt-key-number-2"]) {
        await post(`${server.url}/auth/refresh`, { refresh_token: session.refresh_token }, { "Idempotency-Key": key });
      }
      await expect.poll(() => server.output()).toContain("a copied refresh token was used");
      server.child.kill("SIGTERM");
      await once(server.child, "exit");

      const log = server.output();
      expect(
        log.split("\n").filter((line) => line.includes("request") && line.includes("/auth/login")).length,
      ).toBeGreaterThan(4);
      expect(log).toContain("a copied refresh token was used");
      const cookieValues = cookies
        .map((cookie) => /^[^=]+=([^;]*)/.exec(cookie)?.[1] ?? "")
        .filter((value) => value !== "");
      expect(cookieValues.length).toBeGreaterThan(1);
      for (const secret of [
        ...Object.values(SECRETS),
        ...cookieValues,
        CREDENTIALS.password,
        CREDENTIALS.email,
        session.access_token,
        session.refresh_token,
        session.refresh_token.split(".")[2] ?? "",
        RESOURCE_SERVER_SECRET,
        basic.slice(6),
        readFileSync(join(folder, "master-secret"), "utf8").trim(),
      ]) {
        expect(log).not.toContain(secret);
      }
    },
  );

  it("keeps what would forge lines or steer a terminal in one line, written out", async () => {
    const port = await freePort();
    const server = await startServe(temporaryFolder(), port, {}, ["--log-requests", "--log-format", format]);
    const evil = "\u001B[2J\u009B31mforged\u202E";
    await sendRaw(
      port,
      `GET /x%0A%1B[31m HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: a\u009B31m b\tc\r\n\r\n`,
    );
    await fetch(`${server.url}/y`, { headers: { "X-Request-Id": "ok-given-by-the-proxy", "User-Agent": "browser/1" } });
    await fetch(`${server.url}/z`, { headers: { "X-Request-Id": "no good", "User-Agent": "browser/2" } });
    await expect.poll(() => server.output()).toContain("browser/2");
    const log = server.output().slice(server.output().indexOf("ready at"));
    expect(log).not.toMatch(/[\u0080-\u009F\u202E]/);
    expect(log).toContain("ok-given-by-the-proxy");
    expect(log).not.toContain("no good");
    expect(safeText(evil)).toBe("\\u001b[2J\\u009b31mforged\\u202e");
    const lines = log.split("\n").filter((line) => line.includes("userAgent") || line.includes("browser"));
    for (const line of lines.filter(() => format === "json")) expect(() => JSON.parse(line) as unknown).not.toThrow();
  });
});

describe("a request's id", () => {
  it("is in the answer and in the log, and is the proxy's where that gave a plain one", async () => {
    const server = await startServe(temporaryFolder(), await freePort(), {}, [
      "--log-requests",
      "--log-format",
      "json",
    ]);
    const idOf = async (given?: string): Promise<string | null> =>
      (
        await fetch(`${server.url}/auth/me`, given === undefined ? {} : { headers: { "X-Request-Id": given } })
      ).headers.get("x-request-id");
    expect(await idOf("0123456789abcdef")).toBe("0123456789abcdef");
    const made = await idOf();
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
    for (const bad of ["short", "x".repeat(65), "with space in it", '"quoted-quoted"'])
      expect(await idOf(bad)).not.toBe(bad);
    await expect.poll(() => server.output()).toContain(`"requestId":"${made}"`);
  });
});

describe("OP-01: an error in the log", () => {
  it("says what it is and where, and nothing of what drivers hang on it", () => {
    const error = Object.assign(new Error("connect to postgres://user:pa55@db failed\nINFO forged line"), {
      code: "ECONNREFUSED",
      command: { name: "evalsha", args: ["hunter2"] },
      detail: "Key (email)=(ada@example.com) exists",
      query: "SELECT hunter2",
    });
    const jws = `${btoa('{"alg":"ES256"}')}.eyJzdWIiOiJhZGEifQ.signature`;
    const described = describeError(new Error(`bad token ${jws}`, { cause: error }));
    expect(described).toMatchObject({
      type: "Error",
      message: "bad token [redacted]",
      cause: { code: "ECONNREFUSED", message: "connect to postgres://[redacted]@db failed\\u000aINFO forged line" },
    });
    expect(described.stack?.[0]).toMatch(/^at .*logs\.test\.ts/);
    expect(JSON.stringify(described)).not.toMatch(/hunter2|pa55|ada@|forged line"\s*,\s*"at/);
    expect(safeText(`secret ${Buffer.alloc(32, 7).toString("base64url")}`)).toBe("secret [redacted]");
    expect(safeText(`key=${"A/+b".repeat(5)}${"c".repeat(40)}/x==, then`)).toBe("key=[redacted], then");
    expect(safeText("/a/quite/long/path/of/words/that/are/none/of/them/secret")).not.toContain("redacted");
    expect(safeText("session 0198a6b2-1111-7222-8333-444455556666")).toBe(
      "session 0198a6b2-1111-7222-8333-444455556666",
    );
  });
});

it("OP-04: no text keeps others waiting while secrets are looked for in it", () => {
  const texts = ["+".repeat(16_000), "/a".repeat(8_000), `${"a".repeat(39)}+`.repeat(400), "eyJ.".repeat(4_000)];
  for (const text of texts) {
    safeText(text);
    const times = Array.from({ length: 10 }, () => {
      const started = performance.now();
      safeText(text);
      return performance.now() - started;
    });
    expect(Math.min(...times)).toBeLessThan(2);
  }
});

describe("latchkey serve, asked to stop", () => {
  it("answers on for the delay, and ends at once when it is asked again", async () => {
    const server = await startServe(temporaryFolder(), await freePort(), {}, ["--stop-delay", "60"]);
    server.child.kill("SIGTERM");
    await expect.poll(async () => (await fetch(`${server.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 600));
    server.child.kill("SIGTERM");
    expect(await once(server.child, "exit")).toEqual([130, null]);
  });
});
