import type { ErrorCode } from "@latchkey/protocol";

import type { AuthEvent } from "../domain/event.ts";

/**
 * Sees what the authority does, for metrics and traces. It is told nothing that names a person, a session, a token or an
 * address, and every text it is told is one of a few. Without one, nothing is spent on it.
 */
export interface Observer {
  /** Does what is asked for by a request, and sees what is answered. `answer` does not reject. */
  observeRequest(request: ObservedRequest, answer: () => Promise<ObservedAnswer>): Promise<ObservedAnswer>;
  /** Calls a verb of the store, and sees whether it rejects. */
  observeStore<Result>(verb: string, call: () => Promise<Result>): Promise<Result>;
  count(occurrence: Occurrence): void;
}

export interface ObservedRequest {
  readonly method: string;
  /** As it is written down: with the names of parameters, not their values. */
  readonly route: string;
  /** W3C Trace Context, as it came: anybody can write anything there. */
  readonly traceparent: string | null;
  /** Whether it came through a trusted proxy. */
  readonly isFromTrustedProxy: boolean;
}

export interface ObservedAnswer {
  readonly status: number;
  /** Of a refusal. */
  readonly error?: ErrorCode;
}

export type RefreshVerdictName = "refused" | "retried" | "reuse" | "rolled_forward" | "rotated" | "superseded";

export type Occurrence =
  | { readonly kind: "refresh"; readonly verdict: RefreshVerdictName }
  | { readonly kind: "event"; readonly type: AuthEvent["type"]; readonly reason: string | undefined }
  | { readonly kind: "rate_limited"; readonly limit: string };
