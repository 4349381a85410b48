import { randomUUID } from "node:crypto";

import type { ConnectionInfo } from "@latchkey/server";
import type { Logger } from "pino";

import { safeText } from "./log-secrecy.ts";

export const REQUEST_ID_HEADER = "X-Request-Id";

/** The id that a proxy gave the request, if it is one, or a new one. */
export function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === "string" && /^[\w.-]{8,64}$/.test(given) ? given : randomUUID();
}

/** Writes a line for each request, once it has been answered. Never its query, its headers or its body. */
export function logRequest(
  logger: Logger,
  exchange: {
    readonly request: Request;
    readonly connection: ConnectionInfo;
    readonly status: number;
    readonly milliseconds: number;
  },
): void {
  const { request, connection, status, milliseconds } = exchange;
  logger.info(
    {
      requestId: connection.requestId,
      method: safeText(request.method, 20),
      path: safeText(new URL(request.url).pathname, 200),
      status,
      ms: Math.round(milliseconds * 10) / 10,
      peer: connection.remoteAddress,
      userAgent: safeText(request.headers.get("user-agent") ?? "", 200),
    },
    "request",
  );
}
