import type { IncomingMessage, ServerResponse } from "node:http";

import { type SigningKey, signJwt } from "@latchkey/jwt";
import { formatBatch, isPartCursor, partCursor, type Revocation } from "@latchkey/protocol";

import type { Answer, TestIssuer } from "./issuer-on-loopback.ts";

export const FEED = "/revocations";

/** A feed by the contract, over real HTTP. Any server may answer with it: they are the nodes of one authority. */
export interface TestFeed {
  readonly answer: Answer;
  /** What each request asked to go on from; `undefined` for a snapshot. */
  readonly asked: readonly (string | undefined)[];
  readonly headers: readonly IncomingMessage["headers"][];
  readonly openStreams: number;
  revoke(...revocations: readonly Revocation[]): void;
  /** Sends a batch without news to all streams. */
  beat(): void;
  /** A batch, signed, as any part of which can be changed. */
  sign(changes?: object, options?: { readonly key?: SigningKey; readonly typ?: string }): string;
  /** Sends text as it is to all streams. */
  sendRaw(text: string | Uint8Array): void;
  /** Cuts all streams. */
  cut(): void;
  stop(): void;
}

export interface TestFeedOptions {
  readonly clock: () => number;
  readonly heartbeatMs?: number;
  /** How many entries go into a batch of a snapshot. */
  readonly batchSize?: number;
  /** The only `Authorization` that is let in. */
  readonly authorization?: string;
  readonly hasStreams?: boolean;
}

export function startFeed(issuer: TestIssuer, options: TestFeedOptions): TestFeed {
  const { clock, heartbeatMs = 200, batchSize = 2, authorization, hasStreams = true } = options;
  const log: Revocation[] = [];
  const streams = new Map<ServerResponse, number>();
  const asked: (string | undefined)[] = [];
  const headers: IncomingMessage["headers"][] = [];

  const cursorAt = (position: number): string => `c${position}`;

  const sign: TestFeed["sign"] = (changes = {}, { key = issuer.key, typ = "revocations+jwt" } = {}) => {
    const { revocations = [], ...head } = changes as { revocations?: readonly Revocation[] };
    const here = cursorAt(log.length);
    const batch = { iss: issuer.url, iat: Math.floor(clock()), after: here, cursor: here, revocations, ...head };
    return signJwt(formatBatch(batch), key, { typ });
  };

  function batchesAfter(after: string | undefined): readonly { readonly jws: string; readonly cursor: string }[] {
    const end = cursorAt(log.length);
    const position = after === undefined ? Number.NaN : Number(after.slice(1));
    if (position <= log.length) {
      return [{ jws: sign({ after, cursor: end, revocations: log.slice(position) }), cursor: end }];
    }
    const parts = Array.from({ length: Math.max(1, Math.ceil(log.length / batchSize)) }, (_, part) =>
      log.slice(part * batchSize, (part + 1) * batchSize),
    );
    return parts.map((revocations, part) => {
      const cursor = part === parts.length - 1 ? end : partCursor(end, part + 1);
      return { jws: sign({ after: part === 0 ? null : partCursor(end, part), cursor, revocations }), cursor };
    });
  }

  function send(response: ServerResponse, after: string | undefined): void {
    for (const { jws, cursor } of batchesAfter(after)) {
      response.write(isPartCursor(cursor) ? `data: ${jws}\n\n` : `id: ${cursor}\ndata: ${jws}\n\n`);
    }
    streams.set(response, log.length);
  }

  function sendAll(): void {
    for (const [response, position] of streams) send(response, cursorAt(position));
  }

  const timer = setInterval(sendAll, heartbeatMs);

  return {
    asked,
    headers,
    get openStreams() {
      return streams.size;
    },
    answer(request, response) {
      const query = new URL(request.url ?? "", "http://localhost").searchParams.get("after") ?? undefined;
      const after = request.headers["last-event-id"]?.toString() ?? query;
      asked.push(after);
      headers.push(request.headers);
      if (authorization !== undefined && request.headers.authorization !== authorization) {
        response.writeHead(401, { "WWW-Authenticate": "Basic" }).end();
        return;
      }
      if (request.headers.accept !== "text/event-stream") {
        response
          .writeHead(200, { "Content-Type": "application/json" })
          .end(JSON.stringify({ batches: batchesAfter(after).map(({ jws }) => jws) }));
        return;
      }
      if (!hasStreams) {
        response.writeHead(406).end();
        return;
      }
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.on("close", () => streams.delete(response));
      send(response, after);
    },
    revoke(...revocations) {
      log.push(...revocations);
      sendAll();
    },
    beat: sendAll,
    sign,
    sendRaw(text) {
      for (const response of streams.keys()) response.write(text);
    },
    cut() {
      for (const response of streams.keys()) response.destroy();
      streams.clear();
    },
    stop() {
      clearInterval(timer);
      this.cut();
    },
  };
}
