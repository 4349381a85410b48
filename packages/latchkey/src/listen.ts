import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer, STATUS_CODES } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";

import { getRequestListener, RequestError } from "@hono/node-server";
import type { ConnectionInfo, PlainRefusal } from "@latchkey/server";
import { plainRefusal } from "@latchkey/server";

import type { HttpLimits } from "./http-limits.ts";
import { DEFAULT_HTTP_LIMITS } from "./http-limits.ts";
import { REQUEST_ID_HEADER, requestIdOf } from "./request-log.ts";

export interface ListenOptions {
  readonly fetch: (request: Request, connection: ConnectionInfo) => Response | Promise<Response>;
  readonly port: number;
  readonly hostname: string;
  /** Whether clients come by HTTPS, through a proxy; then they are told to come by nothing else. Default: no. */
  readonly secure?: boolean;
  readonly limits?: Partial<HttpLimits>;
  /** Whether answers carry the `X-Request-Id` that the request has in the log. */
  readonly tellsRequestIds?: boolean;
  /** Hears of what the handler throws. */
  readonly onError?: (error: unknown) => void;
}

export interface Listener {
  readonly port: number;
  /** Takes no new connections, lets requests under way finish (for at most `drainTimeoutMs`), then resolves. */
  stop(): Promise<void>;
}

const IDLE_CHECK_MS = 50;

/** How often clients that take too long are looked for, in milliseconds. */
const TIMEOUT_CHECK_MS = 500;

/** Serves a `fetch` handler over HTTP/1.1. Rejects where it cannot listen. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const limits = { ...DEFAULT_HTTP_LIMITS, ...options.limits };
  const { secure = false, onError } = options;
  let isStopping = false;
  // Each with the answer of its latest request.
  const connections = new Map<Duplex, ServerResponse | undefined>();
  const answer = getRequestListener(
    (request, { incoming, outgoing }) => {
      const connection = connectionOf(incoming);
      if (options.tellsRequestIds === true) outgoing.setHeader(REQUEST_ID_HEADER, connection.requestId);
      return options.fetch(request, connection);
    },
    {
      hostname: options.hostname,
      errorHandler(error) {
        if (!(error instanceof RequestError)) onError?.(error);
        const refusal = plainRefusal(error instanceof RequestError ? "invalid_request" : "unavailable", { secure });
        return new Response(refusal.body, refusal);
      },
    },
  );
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      insecureHTTPParser: false,
      // Said below, with the headers that all answers carry.
      requireHostHeader: false,
      noDelay: true,
    },
    (incoming, outgoing) => {
      if (connections.has(incoming.socket)) connections.set(incoming.socket, outgoing);
      if (isStopping) outgoing.shouldKeepAlive = false;
      const fault = faultOf(incoming);
      if (fault === undefined) void answer(incoming, outgoing);
      else refuse(outgoing, plainRefusal("invalid_request", { secure, description: fault }));
    },
  );
  // A field more than that is dropped unseen, and so refused above: one more is read than may be.
  server.maxHeadersCount = limits.maxHeaderFields + 1;
  server.maxConnections = limits.maxConnections;
  server.setTimeout(limits.stallTimeoutMs);
  server.on("connection", (socket) => {
    connections.set(socket, undefined);
    socket.once("close", () => connections.delete(socket));
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const answering = connections.get(socket);
    // In the middle of an answer, anything written would be read as a part of it.
    if (answering?.headersSent === true && !answering.writableFinished) socket.destroy();
    else refuseUnreadable(socket, refusalOfUnreadable(error, secure));
  });
  server.on("checkExpectation", (_incoming: IncomingMessage, outgoing: ServerResponse) => {
    refuse(outgoing, plainRefusal("invalid_request", { secure, status: 417 }));
  });
  const port = await startListening(server, options);

  return {
    port,
    async stop() {
      isStopping = true;
      const { promise: closed, resolve: markClosed } = Promise.withResolvers<void>();
      server.close(() => markClosed());
      server.closeIdleConnections();
      // Idle by Node's reckoning is only what has been asked for something.
      for (const socket of connections.keys()) if ((socket as Socket).bytesRead === 0) socket.destroy();
      // A connection whose request has just finished is idle only from then on, and kept alive for more.
      const idling = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
      const timer = setTimeout(() => server.closeAllConnections(), limits.drainTimeoutMs);
      await closed;
      clearInterval(idling);
      clearTimeout(timer);
    },
  };

  /** What a request must not have, or be without, whatever its route (RFC 9112 §3.2). */
  function faultOf({ rawHeaders, httpVersion }: IncomingMessage): string | undefined {
    if (rawHeaders.length / 2 > limits.maxHeaderFields) return `There are more than ${limits.maxHeaderFields} headers.`;
    const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
    return hosts === 1 || (hosts === 0 && httpVersion === "1.0") ? undefined : "There must be one Host header.";
  }
}

/** With an id that is made when somebody asks for it: a request that nobody logs needs none. */
function connectionOf(
  incoming: Pick<IncomingMessage, "headers" | "socket">,
): ConnectionInfo & { readonly requestId: string } {
  let requestId: string | undefined;
  return {
    remoteAddress: incoming.socket.remoteAddress,
    encrypted: false,
    get requestId() {
      return (requestId ??= requestIdOf(incoming.headers["x-request-id"]));
    },
  };
}

function startListening(server: Server, { port, hostname }: ListenOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", reject);
  server.listen(port, hostname, () => {
    server.off("error", reject);
    resolve((server.address() as AddressInfo).port);
  });
  return promise;
}

/** The connection is closed: whatever comes next on it cannot be told apart from what belongs to this request. */
function refuse(outgoing: ServerResponse, { status, headers, body }: PlainRefusal): void {
  outgoing.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body), Connection: "close" }).end(body);
}

function refusalOfUnreadable({ code }: NodeJS.ErrnoException, secure: boolean): PlainRefusal {
  if (code === "HPE_HEADER_OVERFLOW") {
    return plainRefusal("invalid_request", { secure, status: 431, description: "The headers are too large." });
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return plainRefusal("invalid_request", {
      secure,
      status: 408,
      description: "The request took too long to arrive.",
    });
  }
  return plainRefusal("invalid_request", { secure });
}

/** There is no request to answer, so what is written is written by hand. */
function refuseUnreadable(socket: Duplex, { status, headers, body }: PlainRefusal): void {
  if (!socket.writable || socket.destroyed) {
    socket.destroy();
    return;
  }
  const fields = { ...headers, "Content-Length": String(Buffer.byteLength(body)), Connection: "close" };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${body}`, () =>
    socket.destroy(),
  );
}
