import { type ExpressMiddleware, guard as latchkeyGuard } from "@latchkey/verifier/express";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { bearerToken, type Check, type Framework, HELD_PATH, NOBODY, OPEN_PATH } from "../api.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export const serveNodeHttp: Framework = async (guard) => {
  if (guard.kind === "express") throw new Error("node:http has no middleware");
  const held = guard.kind === "verifier" ? heldByMiddleware(latchkeyGuard(guard.verifier)) : heldByCheck(guard.check);
  const server = createServer((request, response) => {
    if (request.url === OPEN_PATH) answer(response, 200, { for: NOBODY });
    else if (request.url === HELD_PATH) held(request, response);
    else answer(response, 404, {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
};

function heldByMiddleware(protect: ExpressMiddleware): Handler {
  return (request: Parameters<ExpressMiddleware>[0], response) => {
    void protect(request, response, () => answer(response, 200, { for: request.auth?.subject }));
  };
}

function heldByCheck(check: Check): Handler {
  return (request, response) => void run(request, response);

  async function run(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let subject: string;
    try {
      const checked = check(bearerToken(request.headers.authorization));
      subject = typeof checked === "string" ? checked : await checked;
    } catch {
      answer(response, 401, { error: "invalid_token" });
      return;
    }
    answer(response, 200, { for: subject });
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": text.length }).end(text);
}
