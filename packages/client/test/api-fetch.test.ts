import { createServer } from "node:http";
import type { IncomingHttpHeaders, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { Client } from "../src/client.ts";
import { createApiFetch } from "../src/calls/api-fetch.ts";
import type { AccessToken } from "../src/core/session.ts";
import type { SessionCore } from "../src/core/session-core.ts";

interface Seen {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let seen: Seen[] = [];
let respond: (seen: Seen, response: ServerResponse) => void;

async function listen(): Promise<{ readonly origin: string; readonly server: Server }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { headers, url = "" } = request;
      const entry = {
        path: url,
        authorization: headers.authorization,
        headers,
        body: Buffer.concat(chunks).toString(),
      };
      seen.push(entry);
      respond(entry, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

let api: { readonly origin: string; readonly server: Server };
let stranger: { readonly origin: string; readonly server: Server };

beforeAll(async () => {
  api = await listen();
  stranger = await listen();
});
afterAll(() => {
  api.server.close();
  stranger.server.close();
});
beforeEach(() => {
  seen = [];
  respond = (_, response) => response.end("fine");
});

/** A client with these tokens, one after the other; only what the API fetch asks of the core. */
function fetchWith(tokens: readonly string[], origins: readonly string[] = [api.origin]): Client["fetch"] {
  const left = [...tokens];
  const next = (): AccessToken | undefined => {
    const token = left.shift();
    return token === undefined ? undefined : { access_token: token, token_type: "Bearer" };
  };
  const core: Pick<SessionCore, "getToken" | "replaceToken"> = {
    getToken: async () => next(),
    replaceToken: async () => next(),
  };
  return createApiFetch({
    core,
    fetch: (input, init) => fetch(input, init),
    origins: new Set(origins),
    baseUrl: api.origin,
  });
}

function refuseOnce(code: string): void {
  respond = ({ authorization }, response) => {
    if (authorization === "Bearer old") {
      response.setHeader("WWW-Authenticate", `Bearer error="invalid_token", error_description="${code}"`);
      response.statusCode = 401;
    }
    response.end(authorization);
  };
}

describe("the token", () => {
  test("goes to an API on the list, by absolute and relative URL, string, URL and Request", async () => {
    await fetchWith(["one"])(`${api.origin}/a`);
    await fetchWith(["two"])("/b?c=d");
    await fetchWith(["three"])(new URL("/c", api.origin));
    await fetchWith(["four"])(new Request(`${api.origin}/d`, { headers: { "X-Kept": "yes" } }));
    expect(seen.map(({ authorization }) => authorization)).toEqual([
      "Bearer one",
      "Bearer two",
      "Bearer three",
      "Bearer four",
    ]);
    expect(seen[3]?.headers["x-kept"]).toBe("yes");
  });

  test("goes to no other origin: not another port, host name, or user-info trick", async () => {
    const send = fetchWith(["secret", "secret", "secret"]);
    await send(`${stranger.origin}/`);
    await send(api.origin.replace("127.0.0.1", "localhost")).catch(() => undefined);
    await send(`${stranger.origin.replace("http://", `http://${api.origin.slice(7)}@`)}/`).catch(() => undefined);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.map(({ authorization }) => authorization)).toEqual(seen.map(() => undefined));
  });

  test("follows no redirect, neither to another host nor on the same one", async () => {
    respond = ({ path }, response) => {
      const target = path === "/same" ? "/elsewhere" : `${stranger.origin}/caught`;
      response.writeHead(307, { Location: target }).end();
    };
    await expect(fetchWith(["secret"])(`${api.origin}/other`)).rejects.toThrow(TypeError);
    await expect(fetchWith(["secret"])(`${api.origin}/same`)).rejects.toThrow(TypeError);
    const manual = await fetchWith(["secret"])(`${api.origin}/other`, { redirect: "manual" });
    expect(manual.status).toBe(307);
    expect(seen.map(({ path }) => path)).toEqual(["/other", "/same", "/other"]);
  });

  test("does not replace the caller's own Authorization", async () => {
    await fetchWith(["secret"])(`${api.origin}/`, { headers: { Authorization: "Basic abc" } });
    expect(seen[0]?.authorization).toBe("Basic abc");
  });

  test("is left out where nobody is signed in", async () => {
    await fetchWith([])(`${api.origin}/`);
    expect(seen[0]?.authorization).toBeUndefined();
  });
});

describe("a refusal", () => {
  test.each(["expired_token", "stale_token", "invalid_token"])(
    "for %s is tried once more with a new token",
    async (code) => {
      refuseOnce(code);
      const response = await fetchWith(["old", "new"])(`${api.origin}/`, { method: "POST", body: "text" });
      expect(await response.text()).toBe("Bearer new");
      expect(seen.map(({ body }) => body)).toEqual(["text", "text"]);
    },
  );

  test("of the new token, too, is the answer", async () => {
    refuseOnce("expired_token");
    const response = await fetchWith(["old", "old", "old"])(`${api.origin}/`);
    expect(response.status).toBe(401);
    expect(seen).toHaveLength(2);
  });

  test.each([
    ["insufficient scope", 'Bearer error="insufficient_scope"', 403],
    ["a missing token", "Bearer", 401],
    ["somebody else's reason", 'Bearer error="invalid_token", error_description="Signature has expired"', 401],
  ])("for %s is the answer", async (_, challenge, status) => {
    respond = (_, response) => response.writeHead(status, { "WWW-Authenticate": challenge }).end();
    const response = await fetchWith(["old", "new"])(`${api.origin}/`);
    expect(response.status).toBe(status);
    expect(seen).toHaveLength(1);
  });

  test("of a Request with a body is tried with the same body", async () => {
    refuseOnce("expired_token");
    const request = new Request(`${api.origin}/`, { method: "PUT", body: JSON.stringify({ a: 1 }) });
    const response = await fetchWith(["old", "new"])(request);
    expect(response.status).toBe(200);
    expect(seen.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}']);
  });

  test("of a stream is the answer: it cannot be sent twice", async () => {
    refuseOnce("expired_token");
    const body = new Blob(["streamed"]).stream();
    const init = { method: "POST", body, duplex: "half" };
    const response = await fetchWith(["old", "new"])(`${api.origin}/`, init);
    expect(response.status).toBe(401);
    expect(seen.map((entry) => entry.body)).toEqual(["streamed"]);
  });
});

test("a caller that gives up does not wait for a token", async () => {
  const core = { getToken: () => new Promise<never>(() => {}), replaceToken: async () => undefined };
  const send = createApiFetch({ core, fetch, origins: new Set([api.origin]), baseUrl: undefined });
  const giveUp = new AbortController();
  const sending = send(`${api.origin}/`, { signal: giveUp.signal });
  giveUp.abort(new Error("enough"));
  await expect(sending).rejects.toThrow("enough");
  expect(seen).toEqual([]);
  expect(inspect(send)).not.toContain("secret");
});
