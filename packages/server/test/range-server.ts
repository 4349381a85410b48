import { hash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingHttpHeaders, Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { onTestFinished } from "vitest";

/** A server of the range API of Have I Been Pwned, as its documentation has it. */
export interface RangeServer {
  readonly url: string;
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** In place of a range, from now on. */
  answerWith: "range" | "error" | "page" | "redirect" | "flood" | "nothing";
  close(): Promise<void>;
}

export async function startRangeServer(breached: readonly string[]): Promise<RangeServer> {
  const digests = breached.map((password) => hash("sha1", password, "hex").toUpperCase());
  const requests: RangeServer["requests"] = [];
  const server: Server = createServer((request, response) => {
    requests.push({ path: request.url ?? "", headers: request.headers });
    const prefix = /^\/range\/([0-9A-F]{5})$/.exec(request.url ?? "")?.[1];
    switch (range.answerWith) {
      case "nothing":
        return;
      case "error":
        response.writeHead(503).end();
        return;
      case "page":
        response.writeHead(200, { "Content-Type": "text/html" }).end("<html>Sign in to this network</html>");
        return;
      case "redirect":
        response.writeHead(302, { Location: "/range/00000" }).end();
        return;
      case "flood":
        response.writeHead(200).end(`${"0".repeat(35)}:1\r\n`.repeat(100_000));
        return;
      case "range":
    }
    if (prefix === undefined) {
      response.writeHead(400).end("The hash prefix was not in a valid format");
      return;
    }
    const known = digests.filter((digest) => digest.startsWith(prefix)).map((digest) => `${digest.slice(5)}:3`);
    const others = Array.from({ length: 850 }, (_, index) => `${randomSuffix()}:${index % 2 === 0 ? 0 : 7}`);
    response.writeHead(200, { "Content-Type": "text/plain" }).end([...others, ...known].toSorted().join("\r\n"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const range: RangeServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answerWith: "range",
    async close() {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
  onTestFinished(() => range.close());
  return range;
}

function randomSuffix(): string {
  return randomBytes(18).toString("hex").toUpperCase().slice(0, 35);
}
