import { openConnection } from "../harness/http-connection.ts";
import { readToken } from "../harness/refresh-token.ts";
import type { CrashClient, HeldToken } from "./crash-client.ts";
import { askRefresh } from "./crash-client.ts";

/** What became of a replay: how many tokens were presented again, and what was wrong with an answer. */
export interface ReplayOutcome {
  readonly replayed: number;
  readonly faults: readonly string[];
}

/** As many generations as the authority is told about again where it had forgotten them: the client's last few keys. */
const RECENT = 3;

/**
 * Presents the tokens a client held last, but for the live one, again, with the keys they were exchanged with: late
 * duplicates. Each must give the successor it gave before or nothing, and the client must be none the worse.
 */
export function replayRecent(client: CrashClient, port: number): Promise<ReplayOutcome> {
  return replay(client, client.held.slice(-1 - RECENT, -1), port);
}

/**
 * Presents everything a client ever held, but for the live token, newest first. What is older than the authority's memory
 * counts as a copy, ends the session, and from then on all is refused.
 */
export function replayAll(client: CrashClient, port: number): Promise<ReplayOutcome> {
  return replay(client, client.held.slice(0, -1).toReversed(), port);
}

async function replay(client: CrashClient, tokens: readonly HeldToken[], port: number): Promise<ReplayOutcome> {
  const faults: string[] = [];
  const connection = openConnection(port);
  for (const token of tokens) {
    const answer = await askRefresh(connection, token.refreshToken, token.keys);
    if ("refused" in answer) continue;
    const successor = client.held.find((one) => one.generation === token.generation + 1);
    // The secret alone is compared: where a power cut made the server forget a rotation, it dates the second answer anew.
    if (successor === undefined || readToken(answer.refreshToken).secret !== readToken(successor.refreshToken).secret) {
      faults.push(`${client.name}: generation ${token.generation} was spent twice`);
    }
  }
  connection.abort();
  return { replayed: tokens.length, faults };
}
