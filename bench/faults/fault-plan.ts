import type { SeededRandom } from "../harness/seeded-random.ts";

/** What befalls one request. */
export type Fault =
  | { readonly kind: "none" }
  | { readonly kind: "drop-request" }
  | { readonly kind: "drop-response" }
  | { readonly kind: "delay"; readonly requestMs: number; readonly responseMs: number }
  /** The request arrives twice: the second time when so many later requests of the same client have. */
  | { readonly kind: "duplicate"; readonly afterRequests: number }
  /** The request arrives after so many later ones; its sender learns nothing, or loses its connection at once. */
  | { readonly kind: "overtaken"; readonly afterRequests: number; readonly sender: "waits" | "is-reset" };

/**
 * How far a request may fall behind: the authority remembers the attempt keys of eight generations, and each refresh is at
 * least one request.
 */
const MAX_REQUESTS_BEHIND = 4;

/** Nearly a quarter of all requests meet with a fault. */
export function planFault(random: SeededRandom): Fault {
  const draw = random.next();
  if (draw < 0.04) return { kind: "drop-request" };
  if (draw < 0.09) return { kind: "drop-response" };
  if (draw < 0.13) return { kind: "delay", requestMs: random.between(0, 25), responseMs: random.between(0, 25) };
  if (draw < 0.18) return { kind: "duplicate", afterRequests: random.between(0, MAX_REQUESTS_BEHIND) };
  if (draw < 0.23) {
    const sender = random.chance(0.04) ? "waits" : "is-reset";
    return { kind: "overtaken", afterRequests: random.between(1, MAX_REQUESTS_BEHIND), sender };
  }
  return { kind: "none" };
}
