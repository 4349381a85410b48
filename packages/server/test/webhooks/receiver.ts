import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import { onTestFinished } from "vitest";

export interface Received {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** What to answer: a status, or nothing for as long as the test lasts. */
  answer: (message: Received) => number | "nothing";
  /** Of the messages that were answered with success, by their entry's number, the `data`. */
  readonly taken: Map<number, Record<string, unknown>>;
}

/** A real receiver on loopback, until the test is over. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const taken = new Map<number, Record<string, unknown>>();
  const server = createServer((request, response) => {
    void (async () => {
      const message = {
        path: request.url ?? "",
        headers: request.headers as Record<string, string>,
        body: await text(request),
      };
      received.push(message);
      const status = receiver.answer(message);
      if (status === "nothing") return;
      const messageId = message.headers["webhook-id"];
      if (status < 300 && messageId !== undefined) {
        const number = Number(messageId.split("_")[1]);
        taken.set(number, JSON.parse(message.body) as Record<string, unknown>);
      }
      response.writeHead(status, status >= 300 && status < 400 ? { Location: "/elsewhere" } : {}).end("taken");
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const receiver: Receiver = { url, received, taken, answer: () => 204 };
  return receiver;
}
