import { once } from "node:events";
import type { IncomingMessage, RequestListener } from "node:http";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

import { onTestFinished } from "vitest";

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LoopbackService {
  readonly url: string;
  readonly requests: { readonly method: string; readonly path: string; readonly headers: IncomingMessage["headers"] }[];
  /** In place of what it would answer; `"hang"` answers nothing. */
  fault: Reply | "hang" | undefined;
  stop(): Promise<void>;
}

/** Somebody else's service, as its documents describe it, on loopback; with a key and certificate over TLS. */
export async function startService(
  answer: (request: IncomingMessage, body: string) => Reply,
  tls?: { readonly key: string; readonly cert: string },
): Promise<LoopbackService> {
  const requests: LoopbackService["requests"] = [];
  const listener: RequestListener = (request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      requests.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers });
      if (service.fault === "hang") return;
      const { status, body: reply, headers } = service.fault ?? answer(request, body);
      response.writeHead(status, { "Content-Type": "application/json", ...headers });
      response.end(reply === undefined ? "" : JSON.stringify(reply));
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const service: LoopbackService = {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    fault: undefined,
    async stop() {
      server.closeAllConnections();
      server.close();
    },
  };
  onTestFinished(() => service.stop());
  return service;
}
