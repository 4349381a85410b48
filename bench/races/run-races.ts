import { ATTEMPT_HEADER } from "@latchkey/protocol";

import type { HttpConnection } from "../harness/http-connection.ts";
import { openConnection, postRequest } from "../harness/http-connection.ts";
import { statusOf } from "../harness/http-message.ts";
import { readToken } from "../harness/refresh-token.ts";
import type { ServeProcess } from "../harness/serve-process.ts";
import { freePort } from "../../scripts/free-port.ts";
import type { SharedStore } from "../harness/shared-store.ts";

/** Parallel redemptions of one token, shared out between two processes. */
const PARALLEL = 50;
const TIMEOUT_MS = 30_000;

export interface RacesOutcome {
  readonly rounds: number;
  /** Rounds of one key: how often all got an answer, and all the same successor, with which the session went on. */
  readonly oneKeyOneSuccessor: number;
  /** Rounds of as many keys as requests: how often one got a successor, the others none, and the session ended for all. */
  readonly manyKeysOneSuccess: number;
  readonly redemptions: number;
  /** How many redemptions each process answered with a token, over all rounds of one key. */
  readonly answeredBy: readonly number[];
  readonly faults: readonly string[];
  readonly seconds: number;
}

interface Answer {
  readonly status: number;
  readonly refreshToken: string | undefined;
}

/** Two server processes on one store, and one token given to both, many times over, at once. */
export async function runRaces(
  store: SharedStore,
  options: { readonly rounds: number; readonly maxSeconds: number },
): Promise<RacesOutcome> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const nodes: ServeProcess[] = [];
  const connections: HttpConnection[] = [];
  const maker = await store.createMaker(issuer);
  try {
    nodes.push(await store.startNode({ port, issuer }));
    nodes.push(await store.startNode({ port: await freePort(), issuer }));
    for (let n = 0; n < PARALLEL; n++) {
      const connection = openConnection(nodes[n % nodes.length]?.port ?? port);
      connections.push(connection);
      // Opened one by one, so that later all requests are truly under way at once.
      await connection.exchange("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", TIMEOUT_MS);
    }
    const started = performance.now();
    const faults: string[] = [];
    const answeredBy = nodes.map(() => 0);
    let [rounds, oneKeyOneSuccessor, manyKeysOneSuccess] = [0, 0, 0];
    let token = (await maker.make("body")).refreshToken;
    for (; rounds < options.rounds && performance.now() - started < options.maxSeconds * 1000; rounds++) {
      const { generation } = readToken(token);
      const same = await redeem(connections, token, () => `one-key-of-round-${rounds}`);
      const successors = new Set(same.map((answer) => answer.refreshToken));
      const [successor] = successors;
      for (const [n, answer] of same.entries()) {
        if (answer.status === 200) answeredBy[n % nodes.length] = (answeredBy[n % nodes.length] ?? 0) + 1;
      }
      if (successors.size === 1 && successor !== undefined && readToken(successor).generation === generation + 1) {
        oneKeyOneSuccessor += 1;
        token = successor;
      } else {
        faults.push(`one key, round ${rounds}: ${describe(same)}`);
        token = (await maker.make("body")).refreshToken;
      }

      const contested = (await maker.make("body")).refreshToken;
      const rivals = await redeem(connections, contested, (n) => `key-of-rival-${n}-round-${rounds}`);
      const winners = rivals.filter((answer) => answer.refreshToken !== undefined);
      const ended = await isEnded(connections, winners[0]?.refreshToken ?? contested);
      if (winners.length === 1 && ended && rivals.every(({ status }) => status === 200 || status === 401)) {
        manyKeysOneSuccess += 1;
      } else {
        faults.push(`many keys, round ${rounds}: ${describe(rivals)}, session ${ended ? "ended" : "lives"}`);
      }
    }
    return {
      rounds,
      oneKeyOneSuccessor,
      manyKeysOneSuccess,
      redemptions: rounds * PARALLEL * 2,
      answeredBy,
      faults,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    for (const connection of connections) connection.abort();
    await maker.close();
    for (const node of nodes) await node.stop();
  }
}

async function redeem(
  connections: readonly HttpConnection[],
  refreshToken: string,
  keyOf: (n: number) => string,
): Promise<readonly Answer[]> {
  return Promise.all(connections.map((connection, n) => askOnce(connection, refreshToken, keyOf(n))));
}

async function askOnce(connection: HttpConnection, refreshToken: string, key: string): Promise<Answer> {
  const answer = await connection.exchange(
    postRequest(
      "/auth/refresh",
      { "Content-Type": "application/json", [ATTEMPT_HEADER]: key },
      JSON.stringify({ refresh_token: refreshToken }),
    ),
    TIMEOUT_MS,
  );
  const body = JSON.parse(answer.body.toString()) as { readonly refresh_token?: string };
  return { status: statusOf(answer.head), refreshToken: body.refresh_token };
}

/** Whether no process gives anything for this token any more. */
async function isEnded(connections: readonly HttpConnection[], refreshToken: string): Promise<boolean> {
  const asked = await Promise.all(
    connections.slice(0, 2).map((connection, n) => askOnce(connection, refreshToken, `afterwards-asked-by-${n}`)),
  );
  return asked.every(({ status }) => status === 401);
}

function describe(answers: readonly Answer[]): string {
  const byStatus = [...Map.groupBy(answers, ({ status }) => status)].map(
    ([status, some]) => `${some.length} × ${status}`,
  );
  const successors = new Set(answers.flatMap(({ refreshToken }) => refreshToken ?? []));
  return `${byStatus.join(", ")}; ${successors.size} successors`;
}
