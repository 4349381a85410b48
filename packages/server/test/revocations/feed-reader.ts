import { isPartCursor, parseBatch } from "@latchkey/protocol";
import type { Revocation, RevocationAnswer, RevocationBatch } from "@latchkey/protocol";
import { createLocalJWKSet, jwtVerify } from "jose";
import type { JSONWebKeySet } from "jose";
import { expect, onTestFinished } from "vitest";

import type { AuthServer } from "../../src/index.ts";

/** Reads the feed of an authority as a verifier would, and checks every batch with jose. */
export interface FeedReader {
  /** What has been heard, in order. */
  readonly batches: readonly RevocationBatch[];
  readonly revocations: readonly Revocation[];
  /** Whether the authority has ended the stream. */
  readonly ended: boolean;
  /** Resolves once an entry of this kind and id has been heard. */
  hears(kind: Revocation["kind"], id: string): Promise<Revocation>;
  cutOff(): Promise<void>;
}

/** Follows the stream. @param after a cursor to go on from */
export async function followFeed(
  server: AuthServer,
  { after, headers = {} }: { readonly after?: string | undefined; readonly headers?: Record<string, string> } = {},
): Promise<FeedReader> {
  const open = await openBatches(server);
  const response = await server.fetch(
    new Request(`${server.issuer}/revocations`, {
      headers: { Accept: "text/event-stream", ...(after !== undefined && { "Last-Event-ID": after }), ...headers },
    }),
  );
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect(response.headers.get("cache-control")).toBe("no-store");
  const reader = (response.body ?? expect.fail("no body")).pipeThrough(new TextDecoderStream()).getReader();
  onTestFinished(() => reader.cancel());

  const batches: RevocationBatch[] = [];
  let ended = false;
  let heard = Promise.withResolvers<void>();
  const read = async (): Promise<void> => {
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
      const events = text.split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) {
        const [, id = null, jws = ""] = /^(?:id: (.*)\n)?data: (.*)$/.exec(event) ?? expect.fail(event);
        const batch = await open(jws);
        expect(isPartCursor(batch.cursor) ? null : batch.cursor).toBe(id);
        // No gap: each goes on from the one before, or begins a snapshot.
        const before = batches.at(-1);
        if (before !== undefined && batch.after !== null) expect(batch.after).toBe(before.cursor);
        batches.push(batch);
        heard.resolve();
        heard = Promise.withResolvers();
      }
    }
    ended = true;
    heard.resolve();
  };
  const reading = read();
  reading.catch(() => undefined);

  const reached: FeedReader = {
    batches,
    get revocations() {
      return batches.flatMap((batch) => batch.revocations);
    },
    get ended() {
      return ended;
    },
    async hears(kind, id) {
      for (;;) {
        const found = reached.revocations.find((one) => one.kind === kind && one.id === id);
        if (found !== undefined) return found;
        await Promise.race([heard.promise, reading.then(() => expect.fail("the stream ended"))]);
      }
    },
    cutOff: () => reader.cancel(),
  };
  await heard.promise;
  return reached;
}

/** Where a reader of these batches is. */
export function cursorOf(batches: readonly RevocationBatch[]): string {
  return batches.at(-1)?.cursor ?? expect.fail("there is no batch");
}

/** What the JSON form answers. */
export async function readFeed(server: AuthServer, after?: string): Promise<readonly RevocationBatch[]> {
  const query = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;
  const response = await server.fetch(new Request(`${server.issuer}/revocations${query}`));
  expect(response.status).toBe(200);
  const { batches } = (await response.json()) as RevocationAnswer;
  const open = await openBatches(server);
  return Promise.all(batches.map(open));
}

/** Checks signature, type and issuer with jose, and reads the claims. */
async function openBatches(server: AuthServer): Promise<(jws: string) => Promise<RevocationBatch>> {
  const response = await server.fetch(new Request(`${server.issuer}/.well-known/jwks.json`));
  const keys = createLocalJWKSet((await response.json()) as JSONWebKeySet);
  return async (jws) => {
    const { payload } = await jwtVerify(jws, keys, { typ: "revocations+jwt", issuer: server.issuer });
    return parseBatch(payload) ?? expect.fail("no batch");
  };
}
