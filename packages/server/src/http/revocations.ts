import type { RevocationAnswer } from "@latchkey/protocol";
import { isPartCursor } from "@latchkey/protocol";

import { AuthError } from "../errors.ts";
import type { SignedBatch } from "../revocations/revocation-feed.ts";
import { jsonAnswer } from "./answers.ts";
import type { Answer, Exchange } from "./exchange.ts";
import { findResourceServer, requireResourceServer } from "./resource-server-authentication.ts";

/**
 * The revocation feed: a stream (Server-Sent Events) for who accepts that, and else what there is to know now, as JSON.
 * Both go on from a cursor where there is one, in `Last-Event-ID` or `?after=`.
 */
export async function getRevocations(exchange: Exchange): Promise<Answer> {
  const { request, http } = exchange;
  const isStream = acceptsEventStream(request);
  const release = await (isStream ? takePlace(exchange) : requireReader(exchange));
  const after = request.headers.get("last-event-id") ?? new URL(request.url).searchParams.get("after") ?? undefined;
  try {
    if (isStream) return await streamAnswer(http.revocationFeed.follow(after), release);
    const batches: string[] = [];
    for await (const { jws } of http.revocationFeed.read(after)) batches.push(jws);
    return jsonAnswer(200, { batches } satisfies RevocationAnswer);
  } catch (error) {
    release();
    throw new AuthError("unavailable", {}, { cause: error });
  }
}

async function requireReader(exchange: Exchange): Promise<() => void> {
  if (!exchange.http.isRevocationFeedPublic) await requireResourceServer(exchange);
  return () => undefined;
}

/** Resource servers are known by name and few; of everybody else there is room for so many. */
async function takePlace(exchange: Exchange): Promise<() => void> {
  const { http, origin } = exchange;
  if (http.isRevocationFeedPublic && findResourceServer(exchange) === undefined) {
    return http.followerPlaces.take(origin.ip);
  }
  return requireReader(exchange);
}

function acceptsEventStream(request: Request): boolean {
  return /(^|,)\s*text\/event-stream\s*(;|,|$)/i.test(request.headers.get("accept") ?? "");
}

/** A batch is made when the connection takes it: who reads slowly gets what came meanwhile in one. */
async function streamAnswer(batches: AsyncGenerator<SignedBatch, void>, release: () => void): Promise<Answer> {
  // Awaited before there is an answer, so that a store that cannot be read is answered 503.
  let next: Promise<IteratorResult<SignedBatch, void>> = Promise.resolve(await batches.next());
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      // What ends the stream is in the log, and is nothing to tell a follower: it asks again and goes on where it was.
      const { value: batch, done = false } = await next.catch(() => ENDED);
      if (batch === undefined || done) {
        release();
        return controller.close();
      }
      controller.enqueue(encoder.encode(formatServerSentEvent(batch)));
      next = batches.next();
      // Awaited by the next pull; until then its failure is nobody's.
      next.catch(() => undefined);
    },
    async cancel() {
      release();
      await batches.return();
    },
  });
  return {
    status: 200,
    headers: {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      // nginx would hold batches back until its buffer is full.
      "X-Accel-Buffering": "no",
    },
    body: stream,
  };
}

const ENDED = { value: undefined, done: true } as const;

function formatServerSentEvent({ cursor, jws }: SignedBatch): string {
  return isPartCursor(cursor) ? `data: ${jws}\n\n` : `id: ${cursor}\ndata: ${jws}\n\n`;
}
