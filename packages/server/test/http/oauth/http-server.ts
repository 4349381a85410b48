import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { onTestFinished } from "vitest";

import type { AuthServer } from "../../../src/index.ts";

/** Serves what `open` makes for its own URL, on loopback, until the test is over. */
export async function serveOverHttp(open: (issuer: string) => AuthServer): Promise<AuthServer> {
  const http = createServer((message, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of message) chunks.push(chunk as Buffer);
      const body = chunks.length === 0 ? null : Buffer.concat(chunks);
      const headers = Object.entries(message.headers).flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value ?? ""]).map((one): [string, string] => [name, one]),
      );
      const { method = "GET", url = "/" } = message;
      const answer = await server.fetch(new Request(server.issuer + url, { method, headers, body }), {
        remoteAddress: message.socket.remoteAddress,
      });
      response.writeHead(answer.status, [...answer.headers].flat());
      response.end(Buffer.from(await answer.arrayBuffer()));
    })();
  });
  await new Promise<void>((resolve) => {
    http.listen(0, "127.0.0.1", resolve);
  });
  const server = open(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
  onTestFinished(async () => {
    http.close();
    http.closeAllConnections();
    await server.close();
  });
  await server.ready();
  return server;
}
