import type { AuthServer, Observer } from "@latchkey/server";
import { combineObservers, ConfigurationError } from "@latchkey/server";
import type { PrometheusMetrics } from "@latchkey/server/prometheus";

import type { Listener } from "./listen.ts";
import { listen } from "./listen.ts";

export interface ObservationOptions {
  /** Where `/metrics` is answered, on a port of its own. Default: nowhere. */
  readonly metrics?: { readonly port: number; readonly hostname: string } | undefined;
  /** Whether to make OpenTelemetry spans. They go where an SDK that was loaded before sends them. Default: no. */
  readonly traces?: boolean | undefined;
}

/** What watches an authority; the libraries for it are loaded only where it is wanted. */
export interface Observation {
  readonly observer: Observer | undefined;
  /** Answers `/metrics` from now on. Rejects where it cannot listen. */
  start(server: AuthServer): Promise<Listener | undefined>;
}

export async function openObservation({ metrics: place, traces = false }: ObservationOptions): Promise<Observation> {
  const metrics = place && (await import("@latchkey/server/prometheus")).createPrometheusMetrics();
  const tracing = traces ? (await import("@latchkey/server/opentelemetry")).createOpenTelemetryObserver() : undefined;
  const observers = [tracing, metrics?.observer].filter((observer) => observer !== undefined);
  return {
    observer: observers.length === 0 ? undefined : combineObservers(...observers),
    async start(server) {
      if (place === undefined || metrics === undefined) return undefined;
      metrics.watch(server);
      try {
        return await listen({ ...place, fetch: (request) => answerMetrics(request, metrics) });
      } catch (error) {
        const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
        throw new ConfigurationError(
          `metrics: ${place.hostname}, port ${place.port}, cannot be listened on${code}. Choose another port or address.`,
          { cause: error },
        );
      }
    },
  };
}

const HEADERS = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

async function answerMetrics(request: Request, metrics: PrometheusMetrics): Promise<Response> {
  if (new URL(request.url).pathname !== "/metrics") return new Response(null, { status: 404, headers: HEADERS });
  if (request.method !== "GET") return new Response(null, { status: 405, headers: { ...HEADERS, Allow: "GET" } });
  return new Response(await metrics.text(), { headers: { ...HEADERS, "Content-Type": metrics.contentType } });
}
