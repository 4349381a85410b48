import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { Agent, request as sendRequest } from "node:http";
import { createServer } from "node:https";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import type { Fault } from "./fault-plan.ts";
import { OWN_HOST } from "./hosts.ts";
import { makeCertificate } from "./self-signed.ts";

/** A request that the server has answered, whoever got to see the answer. */
export interface Exchange {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly status: number;
  readonly answerHeaders: IncomingHttpHeaders;
}

export interface BrowserFaultProxyOptions {
  readonly port: number;
  readonly upstreamPort: number;
  /** For requests of the page's own. */
  readonly plan: (path: string) => Fault;
  readonly observe: (exchange: Exchange) => void;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Takes HTTPS off in front of the authority, and mistreats what pages send it; every other host's pages are blank. */
export async function startBrowserFaultProxy(options: BrowserFaultProxyOptions): Promise<{ close(): Promise<void> }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const ownOrigin = `https://${OWN_HOST}:${options.port}`;

  async function forward(incoming: IncomingMessage, body: Buffer): Promise<Answer> {
    const { method = "GET", url = "/", headers } = incoming;
    const outgoing = sendRequest({
      agent,
      port: options.upstreamPort,
      host: "127.0.0.1",
      method,
      path: url,
      headers: { ...headers, "content-length": body.length, "x-forwarded-proto": "https" },
    });
    outgoing.end(body);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    const answer = { status: response.statusCode ?? 0, headers: response.headers, body: await buffer(response) };
    options.observe({
      method,
      url: new URL(url, ownOrigin),
      headers,
      status: answer.status,
      answerHeaders: answer.headers,
    });
    return answer;
  }

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    if (incoming.headers.host !== new URL(ownOrigin).host) {
      outgoing.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>Elsewhere</title>");
      return;
    }
    const body = await buffer(incoming);
    const isOwn = incoming.method === "POST" && incoming.headers.origin === ownOrigin;
    const fault: Fault = isOwn ? options.plan(incoming.url ?? "/") : { kind: "none" };
    const answerWith = ({ status, headers, body: bytes }: Answer): void => {
      const { connection: _, "transfer-encoding": __, ...kept } = headers;
      outgoing.writeHead(status, { ...kept, "content-length": bytes.length }).end(bytes);
    };
    switch (fault.kind) {
      case "drop-request":
        incoming.socket.destroy();
        return;
      case "drop-response":
        await forward(incoming, body);
        incoming.socket.destroy();
        return;
      case "unavailable":
        outgoing.writeHead(503, { "Content-Type": "text/plain" }).end("Service Unavailable");
        return;
      case "delay":
        await sleep(fault.requestMs);
        {
          const answer = await forward(incoming, body);
          await sleep(fault.responseMs);
          answerWith(answer);
        }
        return;
      case "duplicate":
        void sleep(fault.afterMs)
          .then(() => forward(incoming, body))
          .catch(() => undefined);
        answerWith(await forward(incoming, body));
        return;
      case "none":
        answerWith(await forward(incoming, body));
    }
  }

  const server = createServer(makeCertificate(), (incoming, outgoing) => {
    pass(incoming, outgoing).catch(() => incoming.socket.destroy());
  }).listen(options.port, "127.0.0.1");
  await once(server, "listening");
  return {
    async close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, "close");
    },
  };
}
