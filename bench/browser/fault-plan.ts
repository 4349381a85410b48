import type { SeededRandom } from "../harness/seeded-random.ts";

/** What befalls one request of a page. */
export type Fault =
  | { readonly kind: "none" }
  /** The connection breaks before the server has heard of it. */
  | { readonly kind: "drop-request" }
  /** The connection breaks once the server has acted. */
  | { readonly kind: "drop-response" }
  | { readonly kind: "delay"; readonly requestMs: number; readonly responseMs: number }
  /** The server gets it twice. */
  | { readonly kind: "duplicate"; readonly afterMs: number }
  /** Something on the way answers 503. */
  | { readonly kind: "unavailable" };

/** Three of ten refreshes meet with a fault; what begins and ends sessions is only slow, and sent twice where that is safe. */
export function planFault(random: SeededRandom, path: string): Fault {
  const draw = random.next();
  const delay: Fault = { kind: "delay", requestMs: random.between(0, 400), responseMs: random.between(0, 400) };
  const duplicate: Fault = { kind: "duplicate", afterMs: random.between(0, 200) };
  switch (path) {
    case "/auth/refresh":
      if (draw < 0.05) return { kind: "drop-request" };
      if (draw < 0.12) return { kind: "drop-response" };
      if (draw < 0.19) return delay;
      if (draw < 0.25) return duplicate;
      if (draw < 0.3) return { kind: "unavailable" };
      return { kind: "none" };
    case "/auth/logout":
      if (draw < 0.3) return delay;
      return draw < 0.5 ? duplicate : { kind: "none" };
    case "/auth/login":
      return draw < 0.3 ? delay : { kind: "none" };
    default:
      return { kind: "none" };
  }
}
