import { setImmediate } from "node:timers/promises";

import { FEED_HEARTBEAT_SECONDS } from "@latchkey/protocol";

import { describeCause, fetchJson } from "../fetch-json.ts";
import { MAX_BATCH_LENGTH } from "./batch-reader.ts";
import { type FeedFailure, feedFailure } from "./feed-failure.ts";
import type { FeedKnowledge } from "./feed-knowledge.ts";
import { createEventStreamParser } from "./server-sent-events.ts";
import { letProcessEndDuring } from "./unreferenced-socket.ts";

/** How a connection went that is over now. */
export interface ConnectionEnd {
  readonly failure: FeedFailure;
  /** Whether any batch came. */
  readonly heardAny: boolean;
  /** Whether this node, or something before it, seems to have no streams: polling may do. */
  readonly lacksStreams: boolean;
}

export interface FeedConnectionOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly authorize: ((headers: Readonly<Record<string, string>>) => Readonly<Record<string, string>>) | undefined;
  readonly knowledge: FeedKnowledge;
  /** Called at each batch. */
  readonly onHeard: () => void;
}

/** Silence for longer than this is a broken connection. */
const SILENCE_MS = FEED_HEARTBEAT_SECONDS * 2.5 * 1000;

/** A snapshot of a million entries fits. */
const MAX_POLL_BYTES = 96 * 2 ** 20;

/** How long to take in batches at a stretch, while requests wait. */
const STRETCH_MS = 1;

/**
 * Follows the feed at one node for as long as it goes well. Never rejects.
 *
 * @param firstMs how long to wait for the first batch
 */
export async function streamFrom(
  url: string,
  { fetch, authorize, knowledge, onHeard }: FeedConnectionOptions,
  { firstMs, signal }: { readonly firstMs: number; readonly signal: AbortSignal },
): Promise<ConnectionEnd> {
  const name = nameOf(url);
  const watch = createWatch(firstMs, signal);
  const breathe = createBreather();
  let heardAny = false;
  const end = (failure: FeedFailure, lacksStreams = false): ConnectionEnd => ({ failure, heardAny, lacksStreams });

  const headers: Readonly<Record<string, string>> = {
    Accept: "text/event-stream",
    ...(knowledge.cursor !== null && { "Last-Event-ID": knowledge.cursor }),
  };
  const release = letProcessEndDuring(url);
  try {
    const response = await fetch(url, {
      headers: authorize?.(headers) ?? headers,
      signal: watch.signal,
      redirect: "manual",
      cache: "no-store",
    });
    const failure = findAnswerFault(name, response, "text/event-stream");
    if (failure !== undefined) {
      await response.body?.cancel();
      return end(failure, failure.reason === "not_a_feed" || isWithoutStreams(response.status));
    }
    const parser = createEventStreamParser(MAX_BATCH_LENGTH);
    const body: AsyncIterable<Uint8Array> = response.body ?? new ReadableStream<Uint8Array>();
    for await (const chunk of body) {
      const events = parser.read(chunk);
      if (typeof events === "string") return end(feedFailure("too_large", `${name} sends what is no feed.`));
      for (const jws of events) {
        const taken = await knowledge.take(jws);
        if (signal.aborted) return end(CLOSED);
        if (taken.kind === "failed") return end(taken.failure);
        heardAny = true;
        onHeard();
        if (taken.isNews) watch.restart(SILENCE_MS);
        await breathe();
      }
    }
    return end(feedFailure("ended", `${name} ended the stream.`));
  } catch (error) {
    if (signal.aborted) return end(CLOSED);
    if (watch.signal.aborted) return end(feedFailure("silent", `${name} was silent for too long.`), !heardAny);
    return end(feedFailure("unreachable", `${name} cannot be reached${describeCause(error)}.`));
  } finally {
    release();
    watch.stop();
  }
}

/** Asks once for what is new, where there are no streams. Never rejects. `undefined`: all went well. */
export async function pollOnce(
  url: string,
  { fetch, authorize, knowledge, onHeard }: FeedConnectionOptions,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<FeedFailure | undefined> {
  const name = nameOf(url);
  const watch = createWatch(timeoutMs, signal);
  const address = new URL(url);
  if (knowledge.cursor !== null) address.searchParams.set("after", knowledge.cursor);
  const headers: Readonly<Record<string, string>> = { Accept: "application/json" };
  const release = letProcessEndDuring(address.href);
  try {
    const answer = await fetchJson(
      address.href,
      { fetch, signal: watch.signal },
      { headers: authorize?.(headers) ?? headers, maxBytes: MAX_POLL_BYTES },
    );
    if (signal.aborted) return CLOSED;
    if (answer.kind === "failed") {
      const { reason, status } = answer.failure;
      if (status !== undefined) return statusFailure(name, status);
      if (reason === "timeout") return feedFailure("silent", `${name} did not answer in time.`);
      if (reason === "too_large") return feedFailure("too_large", `${name} answered too much.`);
      if (reason === "not_json") return feedFailure("not_a_feed", `${name} answered no JSON.`);
      return feedFailure("unreachable", `${name} cannot be reached.`);
    }
    watch.stop();
    const batches = readBatches(answer.value);
    if (batches === undefined) return feedFailure("not_a_feed", `${name} answered no batches.`);
    const breathe = createBreather();
    for (const jws of batches) {
      const taken = await knowledge.take(jws);
      if (signal.aborted) return CLOSED;
      if (taken.kind === "failed") return taken.failure;
      onHeard();
      await breathe();
    }
    return undefined;
  } finally {
    release();
    watch.stop();
  }
}

const CLOSED = feedFailure("ended", "The verifier is closed.");

function readBatches(answer: unknown): readonly string[] | undefined {
  const batches: unknown = typeof answer === "object" && answer !== null && "batches" in answer && answer.batches;
  if (!Array.isArray(batches) || batches.length === 0) return undefined;
  return batches.every((jws) => typeof jws === "string") ? batches : undefined;
}

function findAnswerFault(name: string, response: Response, type: string): FeedFailure | undefined {
  const { status } = response;
  if (response.type === "opaqueredirect") return statusFailure(name, 302);
  if (status !== 200) return statusFailure(name, status);
  const found = (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  return found === type ? undefined : feedFailure("not_a_feed", `${name} answered no ${type}.`);
}

function statusFailure(name: string, status: number): FeedFailure {
  if (status === 401 || status === 403) {
    return feedFailure(
      "refused",
      `${name} refuses revocation.credentials (${status}): they must be one of the authority's resourceServers.`,
      status,
    );
  }
  if (status >= 300 && status < 400) {
    return feedFailure("redirected", `${name} redirects elsewhere, which is refused.`, status);
  }
  return feedFailure("bad_status", `${name} answered ${status}.`, status);
}

function isWithoutStreams(status: number): boolean {
  return status === 404 || status === 405 || status === 406 || status === 415 || status === 501;
}

/** Without the query, which may hold what is nobody else's business. */
function nameOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

interface Watch {
  readonly signal: AbortSignal;
  restart(ms: number): void;
  stop(): void;
}

/** Aborts after a time, and when `outer` is. */
function createWatch(ms: number, outer: AbortSignal): Watch {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  let timer = setTimeout(abort, ms).unref();
  outer.addEventListener("abort", abort);
  if (outer.aborted) abort();
  return {
    signal: controller.signal,
    restart(next) {
      clearTimeout(timer);
      timer = setTimeout(abort, next).unref();
    },
    stop() {
      clearTimeout(timer);
      outer.removeEventListener("abort", abort);
    },
  };
}

/** Lets requests be answered in between, where a snapshot is long. */
function createBreather(): () => Promise<void> {
  let began = performance.now();
  return async () => {
    if (performance.now() - began < STRETCH_MS) return;
    await setImmediate();
    began = performance.now();
  };
}
