import { AuthError } from "../errors.ts";
import type { Answer, Exchange } from "./exchange.ts";

const HEADERS = { "Content-Type": "application/json", "Cache-Control": "no-store" };

export async function getLive(): Promise<Answer> {
  return { status: 200, headers: HEADERS, body: JSON.stringify({ status: "live" }) };
}

/** Ready: the keys are open (or there would be no route to ask) and the store answers. */
export async function getReady({ http }: Exchange): Promise<Answer> {
  try {
    await http.store.checkHealth();
  } catch (error) {
    throw new AuthError("unavailable", {}, { cause: error });
  }
  return { status: 200, headers: HEADERS, body: JSON.stringify({ status: "ready" }) };
}
