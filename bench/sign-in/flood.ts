/**
 * The load: a process of its own that refreshes on a few connections, and signs in on others, and says how both went. Asked over
 * IPC, so that tokens never touch the disk.
 */
import { ATTEMPT_HEADER } from "@latchkey/protocol";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { answerParent } from "../harness/asked-program.ts";
import type { HttpConnection } from "../harness/http-connection.ts";
import { openConnection, postRequest } from "../harness/http-connection.ts";
import { statusOf } from "../harness/http-message.ts";

export interface FloodOrder {
  readonly port: number;
  readonly seconds: number;
  /** One connection each, which refreshes again and again, with a pause. */
  readonly tokens: readonly string[];
  /** Each signs in again and again, for as long as it lasts. */
  readonly signIns: number;
  readonly credentials: readonly { readonly email: string; readonly password: string }[];
}

export interface FloodReport {
  /** Refreshes, and how long they took; zeros where there were none. */
  readonly refreshes: number;
  readonly refreshFailures: number;
  readonly refreshP50Ms: number;
  readonly refreshP99Ms: number;
  readonly completed: number;
  readonly refused: number;
  /** Neither 200 nor 503 with `Retry-After`. */
  readonly others: number;
  readonly refusalP99Ms: number;
  readonly seconds: number;
}

const TIMEOUT_MS = 60_000;
const PAUSE_MS = 20;
const JSON_HEADERS = { "Content-Type": "application/json" };

answerParent(run);

async function run(order: FloodOrder): Promise<FloodReport> {
  const [refreshing, signingIn] = await Promise.all([refreshAll(order), signInAll(order)]);
  return { ...refreshing, ...signingIn };
}

async function refreshAll(order: FloodOrder) {
  const prefix = randomBytes(12).toString("base64url");
  const tokens = [...order.tokens];
  const connections = tokens.map(() => openConnection(order.port));
  const times: number[] = [];
  let refreshFailures = 0;
  const deadline = performance.now() + order.seconds * 1_000;
  await Promise.all(
    connections.map(async (connection, lane) => {
      for (let turn = 0; performance.now() < deadline; turn++) {
        const headers = { ...JSON_HEADERS, [ATTEMPT_HEADER]: `${prefix}-${lane}-${turn}` };
        const body = JSON.stringify({ refresh_token: tokens[lane] });
        const asked = performance.now();
        const answer = await connection.exchange(postRequest("/auth/refresh", headers, body), TIMEOUT_MS);
        times.push(performance.now() - asked);
        if (statusOf(answer.head) === 200) {
          tokens[lane] = (JSON.parse(answer.body.toString()) as { refresh_token: string }).refresh_token;
        } else refreshFailures += 1;
        await sleep(PAUSE_MS);
      }
    }),
  );
  for (const connection of connections) connection.abort();
  return {
    refreshes: times.length - refreshFailures,
    refreshFailures,
    refreshP50Ms: percentile(times, 0.5),
    refreshP99Ms: percentile(times, 0.99),
  };
}

async function signInAll({ port, seconds, signIns, credentials }: FloodOrder) {
  let [completed, refused, others] = [0, 0, 0];
  const refusals: number[] = [];
  const started = performance.now();
  const deadline = started + seconds * 1_000;

  async function one(connection: HttpConnection, body: string): Promise<void> {
    while (performance.now() < deadline) {
      const asked = performance.now();
      const answer = await connection.exchange(postRequest("/auth/login", JSON_HEADERS, body), TIMEOUT_MS);
      if (statusOf(answer.head) === 200) completed += 1;
      else if (statusOf(answer.head) === 503 && /^retry-after: \d+/im.test(answer.head)) {
        refused += 1;
        refusals.push(performance.now() - asked);
        // Less patient than it is asked to be, by far.
        await sleep(100);
      } else others += 1;
    }
  }

  const connections = Array.from({ length: signIns }, () => openConnection(port));
  await Promise.all(
    connections.map((connection, n) => one(connection, JSON.stringify(credentials[n % credentials.length]))),
  );
  for (const connection of connections) connection.abort();
  return {
    completed,
    refused,
    others,
    refusalP99Ms: percentile(refusals, 0.99),
    seconds: (performance.now() - started) / 1_000,
  };
}

function percentile(values: readonly number[], part: number): number {
  return Float64Array.from(values).toSorted()[Math.floor(values.length * part)] ?? 0;
}
