/** The flood: a process of its own that signs in on so many connections, on each again and again, and says how that went. */
import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

import { answerParent } from "../harness/asked-program.ts";
import type { HttpConnection } from "../harness/http-connection.ts";
import { openConnection, postRequest } from "../harness/http-connection.ts";
import { statusOf } from "../harness/http-message.ts";

export interface FloodOrder {
  readonly port: number;
  readonly seconds: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How many at once. */
  readonly signIns: number;
  readonly credentials: readonly { readonly email: string; readonly password: string }[];
}

export interface FloodReport {
  readonly completed: number;
  /** 503 with `Retry-After`. */
  readonly refused: number;
  /** None within half a minute; whoever asked goes away. */
  readonly unanswered: number;
  /** Any other answer. */
  readonly others: number;
  readonly completedP50Ms: number;
  readonly completedP99Ms: number;
  readonly refusedP99Ms: number;
  readonly seconds: number;
}

const TIMEOUT_MS = 30_000;

// A flood comes from elsewhere: it must not take the processor from whom it is measured by.
setPriority(10);

answerParent(run);

async function run({ port, seconds, path, headers, signIns, credentials }: FloodOrder): Promise<FloodReport> {
  const completed: number[] = [];
  const refused: number[] = [];
  let [unanswered, others] = [0, 0];
  const started = performance.now();
  const deadline = started + seconds * 1_000;

  async function signInAgainAndAgain(connection: HttpConnection, body: string): Promise<void> {
    while (performance.now() < deadline) {
      const asked = performance.now();
      const { head } = await connection.exchange(
        postRequest(path, { "Content-Type": "application/json", ...headers }, body),
        TIMEOUT_MS,
      );
      const took = performance.now() - asked;
      if (statusOf(head) === 200) completed.push(took);
      else if (statusOf(head) === 503 && /^retry-after: \d+/im.test(head)) {
        refused.push(took);
        // Less patient than it is asked to be, by far.
        await sleep(100);
      } else others += 1;
    }
  }

  const connections = Array.from({ length: signIns }, () => openConnection(port));
  await Promise.all(
    connections.map((connection, n) =>
      signInAgainAndAgain(connection, JSON.stringify(credentials[n % credentials.length])).catch(() => {
        unanswered += 1;
      }),
    ),
  );
  for (const connection of connections) connection.abort();
  return {
    completed: completed.length,
    refused: refused.length,
    unanswered,
    others,
    completedP50Ms: percentile(completed, 0.5),
    completedP99Ms: percentile(completed, 0.99),
    refusedP99Ms: percentile(refused, 0.99),
    seconds: (performance.now() - started) / 1_000,
  };
}

function percentile(values: readonly number[], part: number): number {
  return Float64Array.from(values).toSorted()[Math.floor(values.length * part)] ?? 0;
}
