/**
 * The load: a process of its own, that refreshes over so many connections for so long, each with sessions of its own in
 * turn, and says how it went. Asked over IPC, so that tokens never touch the disk.
 */
import { ATTEMPT_HEADER, MAX_ATTEMPT_KEYS } from "@latchkey/protocol";
import { randomBytes } from "node:crypto";

import { answerParent } from "../harness/asked-program.ts";
import { drive, type DriveReport } from "../harness/drive.ts";
import type { HttpConnection } from "../harness/http-connection.ts";
import { openConnection, postRequest } from "../harness/http-connection.ts";
import { statusOf } from "../harness/http-message.ts";
import { readToken } from "../harness/refresh-token.ts";

export interface LoadOrder {
  readonly port: number;
  readonly wire: Wire;
  readonly connections: number;
  /** Stops after so long… */
  readonly seconds: number;
  /** …or after so many refreshes, whichever is first. */
  readonly refreshes?: number;
  readonly tokens: readonly string[];
}

/** How a refresh is asked for. */
export type Wire =
  | { readonly kind: "latchkey" }
  | { readonly kind: "oauth"; readonly path: string; readonly clientId: string; readonly resource?: string };

export interface LoadReport extends Omit<DriveReport, "exchanges"> {
  readonly refreshes: number;
  /** The live token of every session, in the order they were given. */
  readonly tokens: readonly string[];
}

const TIMEOUT_MS = 30_000;

interface Client {
  token: string;
  keys: readonly string[];
  generation: number;
}

answerParent(run);

async function run(order: LoadOrder): Promise<LoadReport> {
  const prefix = randomBytes(12).toString("base64url");
  const clients = order.tokens.map((token): Client => ({
    token,
    keys: [],
    generation: order.wire.kind === "latchkey" ? readToken(token).generation : 0,
  }));
  const lanes = Array.from({ length: order.connections }, (_, lane) =>
    clients.filter((_client, n) => n % order.connections === lane),
  );
  const connections: HttpConnection[] = [];
  for (const [lane, own] of lanes.entries()) {
    const connection = openConnection(order.port);
    connections.push(connection);
    const [first] = own;
    // The first refresh of each is for the connection's and the compiler's sake.
    if (first !== undefined) await refresh(order.wire, connection, first, `${prefix}-${lane}`);
  }

  const { exchanges, ...report } = await drive({
    lanes: order.connections,
    seconds: order.seconds,
    exchanges: order.refreshes,
    async exchange(lane, turn) {
      const own = lanes[lane] ?? [];
      const client = own[turn % own.length];
      const connection = connections[lane];
      if (client === undefined || connection === undefined) return "there are more connections than sessions";
      return refresh(order.wire, connection, client, `${prefix}-${lane}`);
    },
  });
  for (const connection of connections) connection.abort();
  return { ...report, refreshes: exchanges, tokens: clients.map((client) => client.token) };
}

/** Refreshes one session; answers what went wrong, if anything did. */
async function refresh(
  wire: Wire,
  connection: HttpConnection,
  client: Client,
  prefix: string,
): Promise<string | undefined> {
  const answer = await connection.exchange(requestOf(wire, client, prefix), TIMEOUT_MS);
  if (statusOf(answer.head) !== 200) return `${answer.head.split("\r\n")[0]} ${answer.body.toString().slice(0, 300)}`;
  const body = JSON.parse(answer.body.toString()) as { readonly refresh_token?: string };
  if (body.refresh_token === undefined || body.refresh_token === client.token) return "the token was not rotated";
  client.token = body.refresh_token;
  client.generation += 1;
  return undefined;
}

function requestOf(wire: Wire, client: Client, prefix: string): string {
  if (wire.kind === "latchkey") {
    client.keys = [`gen-${client.generation}-${prefix}`, ...client.keys].slice(0, MAX_ATTEMPT_KEYS);
    return postRequest(
      "/auth/refresh",
      { "Content-Type": "application/json", [ATTEMPT_HEADER]: client.keys.join(",") },
      JSON.stringify({ refresh_token: client.token }),
    );
  }
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token: client.token,
    client_id: wire.clientId,
    ...(wire.resource !== undefined && { resource: wire.resource }),
  });
  return postRequest(wire.path, { "Content-Type": "application/x-www-form-urlencoded" }, form.toString());
}
