import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it, onTestFinished } from "vitest";

import type { HttpLimits, Listener, RunningAuthority } from "../src/index.ts";
import { listen, serveAuthority } from "../src/index.ts";
import { rawConnection, sendRaw, statusesOf } from "./raw-http.ts";
import { temporaryFolder } from "./serve-process.ts";

async function startAuthority(
  limits: Partial<HttpLimits> = {},
  issuer = "https://auth.example.com",
): Promise<RunningAuthority> {
  const authority = await serveAuthority({
    port: 0,
    hostname: "127.0.0.1",
    issuer,
    dataPath: temporaryFolder(),
    logLevel: "silent",
    limits,
  });
  onTestFinished(() => authority.stop());
  return authority;
}

async function startListener(
  fetch: (request: Request) => Response | Promise<Response>,
  limits: Partial<HttpLimits> = {},
): Promise<Listener> {
  const listener = await listen({ port: 0, hostname: "127.0.0.1", fetch, limits });
  onTestFinished(() => listener.stop());
  return listener;
}

const HOST = "Host: auth.example.com\r\n";
const CLOSE = "Connection: close\r\n";
const JSON_TYPE = "Content-Type: application/json\r\n";

const EVERYWHERE = [
  "content-security-policy: default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options: nosniff",
  "referrer-policy: no-referrer",
  "strict-transport-security: max-age=31536000; includesubdomains",
  "cache-control: no-store",
];

function expectHardened(answer: string): void {
  const head = answer.slice(0, answer.indexOf("\r\n\r\n")).toLowerCase();
  for (const field of EVERYWHERE) expect(head.split(field), `${field} once in ${head}`).toHaveLength(2);
  expect(head).not.toMatch(/^(server|x-powered-by):/m);
}

describe("BR-10 OP-04: whatever is sent, the answer is a refusal with all security headers", () => {
  const chunked = "Transfer-Encoding: chunked\r\n";
  it.each([
    ["a path that is not there", `GET /nothing HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 404],
    ["a method that is not there", `PUT /auth/me HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 405],
    ["TRACE", `TRACE /auth/me HTTP/1.1\r\n${HOST}${CLOSE}Cookie: a=secret\r\n\r\n`, 405],
    ["a method of WebDAV", `PROPFIND /auth/me HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 405],
    ["an invented method", `STEAL /auth/me HTTP/1.1\r\n${HOST}\r\n`, 400],
    ["no HTTP", `hello\r\n\r\n`, 400],
    ["no host", `GET /health/live HTTP/1.1\r\n${CLOSE}\r\n`, 400],
    ["two hosts", `GET /health/live HTTP/1.1\r\n${HOST}Host: evil.example\r\n\r\n`, 400],
    ["a host that is none", `GET /health/live HTTP/1.1\r\nHost: a/b@c\r\n${CLOSE}\r\n`, 400],
    ["a backslash for a slash", `GET /auth\\me HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 400],
    ["two lengths", `POST /auth/login HTTP/1.1\r\n${HOST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
    [
      "two ways to tell the length",
      `POST /auth/login HTTP/1.1\r\n${HOST}Content-Length: 2\r\n${chunked}\r\n0\r\n\r\n`,
      400,
    ],
    ["a length that is none", `POST /auth/login HTTP/1.1\r\n${HOST}Content-Length: +2\r\n\r\n{}`, 400],
    ["an unknown coding", `POST /auth/login HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 400],
    ["a chunk length with more", `POST /auth/login HTTP/1.1\r\n${HOST}${chunked}\r\n2;\nx\r\n{}\r\n0\r\n\r\n`, 400],
    ["a chunk that is longer than said", `POST /auth/login HTTP/1.1\r\n${HOST}${chunked}\r\n1\r\n{}\r\n0\r\n\r\n`, 400],
    ["a space before the colon", `POST /auth/login HTTP/1.1\r\n${HOST}Content-Length : 2\r\n\r\n{}`, 400],
    ["a folded header", `GET /health/live HTTP/1.1\r\n${HOST}X-A: b\r\n c\r\n\r\n`, 400],
    ["a NUL in a header", `GET /health/live HTTP/1.1\r\n${HOST}X-A: b\0c\r\n\r\n`, 400],
    ["a lone CR in a header", `GET /health/live HTTP/1.1\r\n${HOST}X-A: b\rX-B: c\r\n\r\n`, 400],
    ["headers of 17 KiB", `GET /health/live HTTP/1.1\r\n${HOST}X-A: ${"a".repeat(17_000)}\r\n\r\n`, 431],
    ["a path of 17 KiB", `GET /${"a".repeat(17_000)} HTTP/1.1\r\n${HOST}\r\n`, 431],
    ["101 headers", `GET /health/live HTTP/1.1\r\n${HOST}${"X: y\r\n".repeat(100)}\r\n`, 400],
    ["an unknown expectation", `POST /auth/login HTTP/1.1\r\n${HOST}Expect: money\r\n\r\n`, 417],
    [
      "two content types",
      `POST /auth/login HTTP/1.1\r\n${HOST}${CLOSE}${JSON_TYPE}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}`,
      415,
    ],
    [
      "two tokens",
      `GET /auth/me HTTP/1.1\r\n${HOST}${CLOSE}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`,
      400,
    ],
    [
      "a body of 65 KiB",
      `POST /auth/login HTTP/1.1\r\n${HOST}${CLOSE}${JSON_TYPE}Content-Length: 66560\r\n\r\n${" ".repeat(66_560)}`,
      413,
    ],
  ] as const)("%s", async (_what, text, status) => {
    const { port } = await startAuthority();
    const answer = await sendRaw(port, text);
    expect(statusesOf(answer), answer).toEqual([status]);
    expectHardened(answer);
    expect(answer).not.toContain("secret");
    const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
    expect(JSON.parse(body)).toMatchObject({ error: expect.any(String), error_description: expect.any(String) });
  });

  it("CONNECT makes no tunnel", async () => {
    const { port } = await startAuthority();
    expect(statusesOf(await sendRaw(port, `CONNECT auth.example.com:443 HTTP/1.1\r\n${HOST}\r\n`))).not.toContain(200);
  });

  it("a request to change protocols is answered as what else it is", async () => {
    const { port } = await startAuthority();
    const upgrade = "Connection: close, Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
    expect(statusesOf(await sendRaw(port, `GET /health/live HTTP/1.1\r\n${HOST}${upgrade}\r\n`))).toEqual([200]);
  });
});

describe("OP-04: a request hidden in another's body", () => {
  it.each([
    ["by two ways to tell the length", `Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ["by two codings", `Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
    ["by a coding that is not the last", `Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`],
  ])("%s is never answered", async (_what, fields) => {
    const { port } = await startAuthority();
    const hidden = `GET /health/live HTTP/1.1\r\n${HOST}${CLOSE}\r\n`;
    const received = await sendRaw(port, `POST /auth/login HTTP/1.1\r\n${HOST}${fields}${hidden}`);
    expect(statusesOf(received)).toEqual([400]);
  });

  it("behind a body nobody reads stays a body", async () => {
    const { port } = await startAuthority();
    const hidden = `GET /health/live HTTP/1.1\r\n${HOST}\r\n`;
    const text = `POST /nothing HTTP/1.1\r\n${HOST}Content-Length: ${hidden.length}\r\n\r\n${hidden}`;
    const connection = await rawConnection(port);
    connection.send(`${text}GET /nothing HTTP/1.1\r\n${HOST}${CLOSE}\r\n`);
    expect(statusesOf(await connection.closed())).toEqual([404, 404]);
  });
});

describe("OP-04: who is slow", () => {
  const brief = { headersTimeoutMs: 300, requestTimeoutMs: 600, keepAliveTimeoutMs: 300, stallTimeoutMs: 1_000 };

  it("with headers, a byte at a time, is told so and left", async () => {
    const { port } = await startAuthority(brief);
    const connection = await rawConnection(port);
    connection.send(`GET /health/live HTTP/1.1\r\n${HOST}X-A: `);
    const dripping = setInterval(() => connection.send("a"), 50);
    const answer = await connection.closed(4_000).finally(() => clearInterval(dripping));
    expect(statusesOf(answer)).toEqual([408]);
    expectHardened(answer);
  });

  it("with a body, a byte at a time, is told so and left", async () => {
    const { port } = await startAuthority(brief);
    const connection = await rawConnection(port);
    connection.send(`POST /auth/login HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 1000\r\n\r\n`);
    const dripping = setInterval(() => connection.send(" "), 50);
    const answer = await connection.closed(4_000).finally(() => clearInterval(dripping));
    expect(statusesOf(answer)).toEqual([408]);
    expectHardened(answer);
  });

  it("to ask for anything is left", async () => {
    const { port } = await startAuthority(brief);
    expect(statusesOf(await (await rawConnection(port)).closed(4_000))).toEqual([408]);
  });

  it("to ask again is left", async () => {
    const { port } = await startAuthority(brief);
    const connection = await rawConnection(port);
    connection.send(`GET /health/live HTTP/1.1\r\n${HOST}\r\n`);
    expect(statusesOf(await connection.closed(4_000))).toEqual([200]);
  });

  it("to read the answer is left", async () => {
    const chunk = new Uint8Array(1 << 20);
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => controller.enqueue(chunk),
        cancel: () => {
          cancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
    const { port } = await startListener(() => new Response(endless), brief);
    const socket = connect(port, "127.0.0.1").pause();
    onTestFinished(() => void socket.destroy());
    socket.write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
    await expect.poll(() => cancelled, { timeout: 8_000 }).toBe(true);
  });

  it("in any number keeps nobody else from an answer", async () => {
    const { port } = await startAuthority(brief);
    const slow = await Promise.all(Array.from({ length: 200 }, () => rawConnection(port)));
    for (const connection of slow)
      connection.send(`POST /auth/login HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 9\r\n\r\n`);
    const started = performance.now();
    expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(1_000);
    await Promise.all(slow.map((connection) => connection.closed(5_000)));
  });
});

describe("OP-04: how much there may be", () => {
  it("of connections is bounded, and there is room again once some are closed", async () => {
    const { port } = await startAuthority({ maxConnections: 5 });
    const held = await Promise.all(Array.from({ length: 5 }, () => rawConnection(port)));
    const sixth = await rawConnection(port);
    sixth.send(`GET /health/live HTTP/1.1\r\n${HOST}${CLOSE}\r\n`);
    expect(statusesOf(await sixth.closed())).toEqual([]);
    for (const connection of held) connection.end();
    await expect
      .poll(async () => statusesOf(await sendRaw(port, `GET /health/live HTTP/1.1\r\n${HOST}${CLOSE}\r\n`)))
      .toEqual([200]);
  });

  it.each([
    ["that is announced", `Content-Length: ${1 << 30}\r\n\r\n`, (text: string) => text],
    [
      "of unstated length",
      "Transfer-Encoding: chunked\r\n\r\n",
      (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`,
    ],
  ])("of a body %s: a gigabyte is refused, and not read on", async (_what, field, encode) => {
    const { port } = await startAuthority();
    const connection = await rawConnection(port);
    connection.send(`POST /auth/login HTTP/1.1\r\n${HOST}${JSON_TYPE}${field}`);
    const part = encode(" ".repeat(65_536));
    let sent = 0;
    while (!connection.isClosed && sent < 16_384) {
      connection.send(part);
      sent += 1;
      await sleep(1);
    }
    const answer = await connection.closed();
    expect(statusesOf(answer)).toEqual([413]);
    expectHardened(answer);
    // It is given half a second to stop, so that it reads the answer.
    expect(sent).toBeLessThan(1_500);
  });
});

describe("what the handler throws", () => {
  it("is told to nobody but the log", async () => {
    const errors: unknown[] = [];
    const listener = await listen({
      port: 0,
      hostname: "127.0.0.1",
      secure: true,
      fetch: () => Promise.reject(new Error("postgres://user:secret@host")),
      onError: (error) => errors.push(error),
    });
    onTestFinished(() => listener.stop());
    const answer = await sendRaw(listener.port, `GET / HTTP/1.1\r\n${HOST}${CLOSE}\r\n`);
    expect(statusesOf(answer)).toEqual([503]);
    expect(answer).not.toContain("secret");
    expect(answer).toMatch(/retry-after: \d/i);
    expectHardened(answer);
    expect(errors).toHaveLength(1);
  });
});

describe("HTTPS alone is answered", () => {
  const ask = async (port: number, fields: string, path = "/auth/me"): Promise<number[]> =>
    statusesOf(await sendRaw(port, `GET ${path} HTTP/1.1\r\n${HOST}${CLOSE}${fields}\r\n`));

  it.each([
    ["nothing is said, on this machine", "", 401],
    ["the proxy was asked by HTTPS", "X-Forwarded-Proto: https\r\n", 401],
    ["the proxy was asked in clear text", "X-Forwarded-Proto: http\r\n", 400],
    ["any proxy was asked in clear text", "X-Forwarded-Proto: http, https\r\n", 400],
    ["one of two headers says clear text", "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n", 400],
    ["the standard header says clear text", 'Forwarded: for="[::1]";Proto=http\r\n', 400],
    ["the standard header says HTTPS", "Forwarded: for=192.0.2.1;proto=https, for=192.0.2.2\r\n", 401],
  ])("where %s", async (_what, fields, status) => {
    const { port } = await startAuthority();
    expect(await ask(port, fields)).toEqual([status]);
    expect(await ask(port, fields, "/health/live")).toEqual([200]);
  });

  it("unless the authority is for development, on loopback", async () => {
    const { port } = await startAuthority({}, "http://localhost:3000");
    expect(await ask(port, "X-Forwarded-Proto: http\r\n")).toEqual([401]);
  });
});

describe("a stop", () => {
  it("lets a request under way finish, takes no new one, and closes its connection", async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const { promise: mayAnswer, resolve: allow } = Promise.withResolvers<void>();
    const listener = await startListener(async () => {
      arrive();
      await mayAnswer;
      return new Response("done");
    });
    const [busy, idle] = [await rawConnection(listener.port), await rawConnection(listener.port)];
    busy.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
    await arrived;
    const stopped = listener.stop();
    await idle.closed(1_000);
    await expect(fetch(`http://127.0.0.1:${listener.port}/`)).rejects.toThrow("fetch failed");
    allow();
    expect(await busy.closed(1_000)).toMatch(/\r\n\r\ndone$/);
    await stopped;
  });

  it("waits no longer than its bound for one that does not", async () => {
    const listener = await startListener(() => new Promise<Response>(() => undefined), { drainTimeoutMs: 300 });
    const connection = await rawConnection(listener.port);
    connection.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
    await sleep(50);
    const started = performance.now();
    await listener.stop();
    expect(performance.now() - started).toBeLessThan(1_500);
  });

  it("says that it is not ready before anything else ends, and goes on answering for as long as was asked for", async () => {
    const authority = await serveAuthority({
      port: 0,
      hostname: "127.0.0.1",
      issuer: "http://localhost:3000",
      dataPath: temporaryFolder(),
      logLevel: "silent",
      stopDelaySeconds: 1,
    });
    const url = `http://127.0.0.1:${authority.port}`;
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    const stopped = authority.stop();
    const ready = await fetch(`${url}/health/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ error: "unavailable", reasons: ["stopping"] });
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect((await fetch(`${url}/auth/me`)).status).toBe(401);
    await stopped;
    await expect(fetch(`${url}/health/live`)).rejects.toThrow("fetch failed");
  });
});
