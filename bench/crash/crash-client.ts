import { setTimeout as sleep } from "node:timers/promises";

import { ATTEMPT_HEADER, MAX_ATTEMPT_KEYS } from "@latchkey/protocol";

import type { HttpConnection } from "../harness/http-connection.ts";
import { openConnection, postRequest } from "../harness/http-connection.ts";
import { statusOf } from "../harness/http-message.ts";
import { readToken } from "../harness/refresh-token.ts";
import type { SeededRandom } from "../harness/seeded-random.ts";

/** A token a client has held, and the attempt keys it asked for its successor with. */
export interface HeldToken {
  readonly refreshToken: string;
  readonly generation: number;
  readonly keys: readonly string[];
}

/** An honest client that refreshes without a pause, whatever becomes of the server, and forgets nothing. */
export interface CrashClient {
  readonly name: string;
  readonly refreshes: number;
  /** Whether a request of its own is under way: what a crash would cut off. */
  readonly underWay: boolean;
  /** Everything it ever held, oldest first; the last is its live token. */
  readonly held: readonly HeldToken[];
  /** The server's answer that ended the session, if one did. */
  readonly ended: string | undefined;
  start(): void;
  /** Resolves once nothing of it is under way. */
  pause(): Promise<void>;
}

const TIMEOUT_MS = 10_000;
const RETRY_MS = 10;

export function createCrashClient(options: {
  readonly name: string;
  readonly refreshToken: string;
  readonly port: number;
  readonly random: SeededRandom;
}): CrashClient {
  const { name, port, random } = options;
  let live = options.refreshToken;
  let keys = [newKey(0)];
  const held: HeldToken[] = [{ refreshToken: live, generation: 0, keys }];
  let refreshes = 0;
  let underWay = false;
  let ended: string | undefined;
  let running = false;
  let loop = Promise.resolve();
  let connection: HttpConnection | undefined;

  function newKey(generation: number): string {
    return `gen-${generation}-${random.text(26)}`;
  }

  const refreshForEver = async (): Promise<void> => {
    while (running && ended === undefined) {
      try {
        if (connection?.usable !== true) connection = openConnection(port);
        underWay = true;
        const answer = await askRefresh(connection, live, keys);
        if ("refused" in answer) {
          ended = answer.refused;
          break;
        }
        live = answer.refreshToken;
        const { generation } = readToken(live);
        keys = [newKey(generation), ...keys].slice(0, MAX_ATTEMPT_KEYS);
        held.push({ refreshToken: live, generation, keys });
        refreshes += 1;
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        // The server is down, or took our answer with it: the same token, with the same key, until somebody answers.
        connection?.abort();
        await sleep(RETRY_MS);
      } finally {
        underWay = false;
      }
    }
  };

  return {
    name,
    held,
    get refreshes() {
      return refreshes;
    },
    get underWay() {
      return underWay;
    },
    get ended() {
      return ended;
    },
    start() {
      running = true;
      loop = refreshForEver();
    },
    async pause() {
      running = false;
      await loop;
      connection?.abort();
    },
  };
}

export type RefreshAnswer = { readonly refreshToken: string } | { readonly refused: string };

/** Asks for a token's successor. Rejects where nobody answers, or the server is busy. */
export async function askRefresh(
  connection: HttpConnection,
  refreshToken: string,
  keys: readonly string[],
): Promise<RefreshAnswer> {
  const headers = {
    "Content-Type": "application/json",
    ...(keys.length > 0 && { [ATTEMPT_HEADER]: keys.join(",") }),
  };
  const request = postRequest("/auth/refresh", headers, JSON.stringify({ refresh_token: refreshToken }));
  const answer = await connection.exchange(request, TIMEOUT_MS);
  const status = statusOf(answer.head);
  const body = JSON.parse(answer.body.toString()) as { readonly refresh_token?: string; readonly error?: string };
  if (status >= 500) throw new Error(`the server answered ${status}`);
  if (body.refresh_token !== undefined) return { refreshToken: body.refresh_token };
  return { refused: `${status} ${body.error}` };
}
