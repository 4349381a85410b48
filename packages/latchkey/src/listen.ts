import type { Server } from "node:http";

import { serve } from "@hono/node-server";
import type { ConnectionInfo } from "@latchkey/server";

export interface ListenOptions {
  readonly fetch: (request: Request, connection: ConnectionInfo) => Response | Promise<Response>;
  readonly port: number;
  readonly hostname: string;
}

export interface Listener {
  readonly port: number;
  /** Takes no new connections, lets requests under way finish (for at most 5 seconds), then resolves. */
  stop(): Promise<void>;
}

/** How long a client may take to send a request, in milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000;

/** How long requests under way may take to finish at shutdown, in milliseconds. */
const DRAIN_TIMEOUT_MS = 5_000;

const IDLE_CHECK_MS = 50;

/** Serves a `fetch` handler over HTTP/1.1. Rejects where the port is taken. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { promise: listening, resolve, reject } = Promise.withResolvers<number>();
  // node-server's own type covers HTTP/2 too; without a `createServer` option it makes an http.Server.
  const server = serve(
    {
      fetch: (request, env) => options.fetch(request, { remoteAddress: env.incoming.socket.remoteAddress }),
      port: options.port,
      hostname: options.hostname,
      serverOptions: { requestTimeout: REQUEST_TIMEOUT_MS },
    },
    (address) => resolve(address.port),
  ) as Server;
  server.once("error", reject);
  const port = await listening;

  return {
    port,
    async stop() {
      const { promise: closed, resolve: markClosed } = Promise.withResolvers<void>();
      server.close(() => markClosed());
      server.closeIdleConnections();
      // A connection whose request has just finished is idle only from then on, and kept alive for more.
      const idling = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
      const timer = setTimeout(() => server.closeAllConnections(), DRAIN_TIMEOUT_MS);
      await closed;
      clearInterval(idling);
      clearTimeout(timer);
    },
  };
}
