/** An authority with so many revocations, in a process of its own: what it takes is not to be counted as the verifier's. */
import { hash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { exportPublicJwk, generateSigningKey, signJwt } from "@latchkey/jwt";
import { formatBatch, MAX_BATCH_ENTRIES, partCursor, REVOCATION_BATCH_TYPE, type Revocation } from "@latchkey/protocol";

/** `forget`: the authority's time is beyond every entry from now on. `flow`: one new entry each time so many ms pass. */
export type FeedCommand =
  | { readonly type: "start"; readonly entries: number; readonly now: number; readonly until: number }
  | { readonly type: "tokens"; readonly count: number }
  | { readonly type: "beat"; readonly now: number; readonly times: number }
  | { readonly type: "flow"; readonly everyMs: number };

export interface FeedReply {
  readonly issuer?: string;
  readonly tokens?: readonly string[];
}

export const AUDIENCE = "https://api.example.com";

const key = generateSigningKey("ES256");
let issuer = "";
let now = 0;
let until = 0;
let position = 0;
let snapshot: readonly string[] = [];
const streams = new Set<ServerResponse>();
let flow: NodeJS.Timeout | undefined;

/** As long as the ids of sessions are: 128 bits. */
function idOf(number: number): string {
  return hash("sha256", `session ${number}`, "base64url").slice(0, 22);
}

function sign(after: string | null, cursor: string, revocations: readonly Revocation[]): string {
  const claims = formatBatch({ iss: issuer, iat: now, after, cursor, revocations });
  return signJwt(claims, key, { typ: REVOCATION_BATCH_TYPE });
}

function makeSnapshot(entries: number): readonly string[] {
  const batches: string[] = [];
  for (let from = 0; from < entries; from += MAX_BATCH_ENTRIES) {
    const count = Math.min(MAX_BATCH_ENTRIES, entries - from);
    const revocations = Array.from({ length: count }, (_, index): Revocation => {
      return { kind: "session", id: idOf(from + index), until };
    });
    const parts = batches.length;
    const end = from + count === entries ? "c0" : partCursor("c0", parts + 1);
    batches.push(sign(parts === 0 ? null : partCursor("c0", parts), end, revocations));
  }
  return entries === 0 ? [sign(null, "c0", [])] : batches;
}

function sendAll(revocations: readonly Revocation[]): void {
  const after = `c${position}`;
  if (revocations.length > 0) position += 1;
  const jws = sign(after, `c${position}`, revocations);
  for (const stream of streams) stream.write(`data: ${jws}\n\n`);
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const json = (body: object): void => {
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  };
  if (request.url === "/jwks") json({ keys: [exportPublicJwk(key)] });
  else if (request.url === "/revocations") {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    for (const jws of snapshot) response.write(`data: ${jws}\n\n`);
    position = 0;
    streams.add(response);
    response.on("close", () => streams.delete(response));
  } else {
    const revocation_feed_endpoint = `${issuer}/revocations`;
    json({ issuer, jwks_uri: `${issuer}/jwks`, revocation_feed_endpoint, revocation_feed_access: "public" });
  }
}

function issueTokens(count: number): readonly string[] {
  return Array.from({ length: count }, (_, number) => {
    const times = { iat: now, exp: now + 86_400 };
    const ids = { sub: `user-${number}`, sid: idOf(-1 - number), jti: idOf(-1_000_000 - number) };
    const claims = { iss: issuer, aud: AUDIENCE, client_id: "bench", scope: "read:reports", ...times, ...ids };
    return signJwt(claims, key, { typ: "at+jwt" });
  });
}

process.on("message", (command: FeedCommand) => {
  const reply = (message: FeedReply): void => {
    process.send?.(message);
  };
  if (command.type === "start") {
    ({ now, until } = command);
    const server = createServer(answer);
    server.listen(0, "127.0.0.1", () => {
      issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      snapshot = makeSnapshot(command.entries);
      setInterval(() => sendAll([]), 1000);
      reply({ issuer });
    });
  } else if (command.type === "tokens") reply({ tokens: issueTokens(command.count) });
  else if (command.type === "beat") {
    ({ now } = command);
    for (let time = 0; time < command.times; time += 1) sendAll([]);
    reply({});
  } else {
    clearInterval(flow);
    flow = setInterval(() => sendAll([{ kind: "session", id: idOf(2_000_000 + position), until }]), command.everyMs);
    reply({});
  }
});
process.on("disconnect", () => process.exit(0));
