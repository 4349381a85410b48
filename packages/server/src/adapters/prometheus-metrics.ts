/**
 * `@latchkey/server/prometheus`: metrics in Prometheus' format. Apart from the root entry, so that only who uses it needs
 * `prom-client`.
 *
 * @module
 */
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

import type { AuthServer } from "../create-auth-server.ts";
import type { ObservedAnswer, Observer, RefreshVerdictName } from "../ports/observer.ts";
import type { CountTally } from "./prometheus-tallies.ts";
import { tallyCounts, tallyDurations } from "./prometheus-tallies.ts";

export interface PrometheusMetrics {
  /** For the option `observer`. */
  readonly observer: Observer;
  /** From now on the state of this authority is measured whenever the metrics are asked for. */
  watch(server: Pick<AuthServer, "load" | "listKeys">): void;
  /** All metrics. To be answered to who operates the authority, never to the public. */
  text(): Promise<string>;
  readonly contentType: string;
}

const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 10];
const STORE_BUCKETS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.25, 1, 5, 10];

/** What the values of labels are is settled by the code: routes, verbs, verdicts. Nobody adds one by asking. */
export function createPrometheusMetrics(): PrometheusMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  let server: Pick<AuthServer, "load" | "listKeys"> | undefined;

  const requests = tallyDurations(registry, {
    name: "latchkey_request_duration_seconds",
    help: "Requests, by what was answered.",
    labels: ["method", "route", "status"],
    buckets: REQUEST_BUCKETS,
  });
  const storeCalls = tallyDurations(registry, {
    name: "latchkey_store_duration_seconds",
    help: "Verbs of the store.",
    labels: ["verb", "outcome"],
    buckets: STORE_BUCKETS,
  });
  const counter = (
    name: string,
    help: string,
    labels: readonly string[],
    startsWith?: readonly (readonly string[])[],
  ): CountTally => tallyCounts(registry, { name: `latchkey_${name}`, help, labels, ...(startsWith && { startsWith }) });
  const refusals = counter("refusals_total", "Refusals, by their code.", ["route", "code"]);
  const refreshes = counter(
    "refreshes_total",
    "Refreshes, by the verdict.",
    ["verdict"],
    VERDICTS.map((verdict) => [verdict]),
  );
  const signIns = counter("sign_ins_total", "Sign-ins, by their outcome.", ["outcome"]);
  const thefts = counter("thefts_total", "Sessions ended because a copied refresh token was used.", [], [[]]);
  const revocations = counter("revocations_total", "What was taken back, by kind and reason.", ["kind", "reason"]);
  const rateLimited = counter("rate_limited_total", "Requests refused for their number, by the limit.", ["limit"]);

  const gauge = (name: string, help: string, read: (load: ReturnType<AuthServer["load"]>) => number): void => {
    const made: Gauge = new Gauge({
      name: `latchkey_${name}`,
      help,
      registers,
      collect() {
        if (server !== undefined) made.set(read(server.load()));
      },
    });
  };
  gauge("feed_lag_seconds", "For how long the event log has not been read.", (load) => load.feedLagSeconds);
  gauge("feed_followers", "Streams of the revocation feed.", (load) => load.feedFollowers);
  gauge("hashing_running", "Passwords being hashed.", (load) => load.hashing.running);
  gauge("hashing_waiting", "Passwords waiting to be hashed.", (load) => load.hashing.waiting);
  const keyAges: Gauge = new Gauge({
    name: "latchkey_key_age_seconds",
    help: "Since when the oldest key of each state has been one.",
    labelNames: ["purpose", "alg", "state"],
    registers,
    async collect() {
      keyAges.reset();
      // While the store is away there is nothing to say of its keys; the rest is told all the same.
      const keys = (await server?.listKeys().catch(() => [])) ?? [];
      const now = Date.now() / 1_000;
      for (const { purpose, alg, state, createdAt } of keys.toSorted((one, other) => other.createdAt - one.createdAt)) {
        if (state !== "retired" && state !== "revoked")
          keyAges.set({ purpose, alg, state }, Math.max(0, now - createdAt));
      }
    },
  });
  const observer: Observer = {
    // Both answer with the very promise that they were given: another one would take longer than all that is counted.
    observeRequest({ method, route }, answer) {
      const startedAt = performance.now();
      const answered = answer();
      const countAnswer = ({ status, error }: ObservedAnswer): void => {
        requests(secondsSince(startedAt), method, route, status);
        if (error !== undefined) refusals(route, error);
      };
      void answered.then(countAnswer);
      return answered;
    },

    observeStore(verb, call) {
      const startedAt = performance.now();
      const result = call();
      result.then(
        () => storeCalls(secondsSince(startedAt), verb, "answered"),
        () => storeCalls(secondsSince(startedAt), verb, "failed"),
      );
      return result;
    },

    count(occurrence) {
      switch (occurrence.kind) {
        case "refresh":
          refreshes(occurrence.verdict);
          break;
        case "rate_limited":
          rateLimited(occurrence.limit);
          break;
        case "event":
          countEvent(occurrence.type, occurrence.reason);
          break;
      }
    },
  };

  function countEvent(type: string, reason = "none"): void {
    if (type === "signed_in") signIns("signed_in");
    if (type === "sign_in_failed") signIns("failed");
    if (reason === "refresh_token_reuse") thefts();
    const kind = REVOCATIONS[type];
    if (kind !== undefined) revocations(kind, reason);
  }

  return {
    observer,
    watch(watched) {
      server = watched;
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

const VERDICTS: readonly RefreshVerdictName[] = [
  "refused",
  "retried",
  "reuse",
  "rolled_forward",
  "rotated",
  "superseded",
];

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1_000;
}

const REVOCATIONS: Readonly<Record<string, string>> = {
  session_revoked: "session",
  user_sessions_revoked: "user",
  token_revoked: "token",
  api_token_revoked: "api_token",
  user_api_tokens_revoked: "user_api_tokens",
  key_revoked: "key",
};
