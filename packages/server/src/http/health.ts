import { AuthError } from "../errors.ts";
import { errorAnswer } from "./answers.ts";
import type { Answer, Exchange } from "./exchange.ts";

const HEADERS = { "Content-Type": "application/json", "Cache-Control": "no-store" };

/** Nothing is asked for it: a process whose store is down need not be started anew. */
export async function getLive(): Promise<Answer> {
  return { status: 200, headers: HEADERS, body: JSON.stringify({ status: "live" }) };
}

/** Whether this node can do its work now; what it cannot is named by code alone. */
export async function getReady({ http }: Pick<Exchange, "http">): Promise<Answer> {
  const reasons = await http.readiness.reasons();
  if (reasons.length > 0) return errorAnswer(new AuthError("unavailable", { reasons, retryAfterSeconds: 1 }));
  return { status: 200, headers: HEADERS, body: JSON.stringify({ status: "ready" }) };
}
