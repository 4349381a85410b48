/** Load on the authority while revocations are timed: sessions that refresh one after the other, on all nodes in turn. */
import type { SessionAnswer } from "@latchkey/protocol";

import { answerParent } from "../harness/asked-program.ts";

export type LoadQuestion =
  | {
      readonly type: "start";
      readonly nodes: readonly string[];
      readonly refreshTokens: readonly string[];
      readonly pauseMs: number;
    }
  | { readonly type: "stop" };

/** How many refreshes were answered so far. */
export type LoadAnswer = number;

let running = false;
let refreshes = 0;

answerParent(async (question: LoadQuestion): Promise<LoadAnswer> => {
  running = question.type === "start";
  if (question.type === "start") for (const token of question.refreshTokens) void refreshOn(question, token);
  return refreshes;
});

async function refreshOn(
  { nodes, pauseMs }: { readonly nodes: readonly string[]; readonly pauseMs: number },
  token: string,
): Promise<void> {
  let current = token;
  for (let turn = 0; running; turn++) {
    const response = await fetch(`${nodes[turn % nodes.length]}/auth/refresh`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refresh_token: current }),
    });
    if (response.status !== 200) throw new Error(`a refresh was answered ${response.status}`);
    current = ((await response.json()) as SessionAnswer).refresh_token ?? "";
    refreshes += 1;
    await new Promise((resolve) => {
      setTimeout(resolve, pauseMs);
    });
  }
}
