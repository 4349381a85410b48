/**
 * Those who are signed in: a process of its own that goes on using sessions, on a connection each, and says how long that took.
 * Asked over IPC, so that tokens never touch the disk.
 */
import { ATTEMPT_HEADER } from "@latchkey/protocol";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { answerParent } from "../harness/asked-program.ts";
import { openConnection, postRequest } from "../harness/http-connection.ts";
import { statusOf } from "../harness/http-message.ts";

export interface UsingOrder {
  readonly port: number;
  readonly seconds: number;
  readonly sessions: readonly UsedSession[];
}

/** One that is refreshed, or one whose cookie is presented to read it. */
export type UsedSession =
  | { readonly kind: "refreshed"; readonly token: string }
  | { readonly kind: "read"; readonly path: string; readonly cookie: string };

export interface UsingReport {
  readonly uses: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const TIMEOUT_MS = 60_000;
const PAUSE_MS = 20;

answerParent(run);

async function run(order: UsingOrder): Promise<UsingReport> {
  const times: number[] = [];
  let failures = 0;
  const deadline = performance.now() + order.seconds * 1_000;
  await Promise.all(
    order.sessions.map(async (session) => {
      const connection = openConnection(order.port);
      const { request, take } = useOf(session);
      while (performance.now() < deadline) {
        const asked = performance.now();
        const answer = await connection.exchange(request(), TIMEOUT_MS);
        times.push(performance.now() - asked);
        if (statusOf(answer.head) !== 200 || !take(answer.body.toString())) failures += 1;
        await sleep(PAUSE_MS);
      }
      connection.abort();
    }),
  );
  return { uses: times.length, failures, p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) };
}

interface Use {
  readonly request: () => string;
  /** Whether the answer is the right one. */
  readonly take: (body: string) => boolean;
}

function useOf(session: UsedSession): Use {
  if (session.kind === "read") {
    const request = `GET ${session.path} HTTP/1.1\r\nHost: localhost\r\nCookie: ${session.cookie}\r\n\r\n`;
    return { request: () => request, take: (body) => body.includes('"userId"') };
  }
  const prefix = randomBytes(12).toString("base64url");
  let turn = 0;
  let { token } = session;
  return {
    request: () =>
      postRequest(
        "/auth/refresh",
        { "Content-Type": "application/json", [ATTEMPT_HEADER]: `${prefix}-${turn++}` },
        JSON.stringify({ refresh_token: token }),
      ),
    take(body) {
      const next = (JSON.parse(body) as { readonly refresh_token?: string }).refresh_token;
      if (next === undefined || next === token) return false;
      token = next;
      return true;
    },
  };
}

function percentile(values: readonly number[], part: number): number {
  return Float64Array.from(values).toSorted()[Math.floor(values.length * part)] ?? 0;
}
