import { AuthError } from "../errors.ts";
import type { Exchange } from "./exchange.ts";

export async function getLive(): Promise<Response> {
  return Response.json({ status: "live" }, { headers: { "Cache-Control": "no-store" } });
}

/** Ready: the keys are open (or there would be no route to ask) and the store answers. */
export async function getReady({ http }: Exchange): Promise<Response> {
  try {
    await http.store.checkHealth();
  } catch (error) {
    throw new AuthError("unavailable", {}, { cause: error });
  }
  return Response.json({ status: "ready" }, { headers: { "Cache-Control": "no-store" } });
}
