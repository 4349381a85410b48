// An authority that makes spans, as a process of its own: the tests' module loader takes OpenTelemetry's build for bundlers,
// which Node cannot run. Answers the spans of a few requests, and what was secret in them, as JSON.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

import { createOpenTelemetryObserver } from "../../src/adapters/opentelemetry-observer.ts";
import { createPrometheusMetrics } from "../../src/adapters/prometheus-metrics.ts";
import { combineObservers, createAuthServer, createSqliteStore } from "../../src/index.ts";

export interface TracedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly attributes: object;
  readonly links: number;
  readonly hasTraceState: boolean;
}

export interface TracedRun {
  readonly spans: readonly TracedSpan[];
  readonly secrets: readonly string[];
}

const ISSUER = "https://auth.example.com";
const exporter = new InMemorySpanExporter();
if (process.argv[2] !== "without-sdk") {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
}

const folder = mkdtempSync(join(tmpdir(), "latchkey-traced-"));
const server = createAuthServer({
  issuer: ISSUER,
  store: createSqliteStore({ path: join(folder, "latchkey.db") }),
  masterSecret: new Uint8Array(32).fill(7),
  trustedProxies: ["10.0.0.0/8"],
  observer: combineObservers(createOpenTelemetryObserver(), createPrometheusMetrics().observer),
});

async function post(path: string, body: object): Promise<Record<string, string>> {
  const headers = { "Content-Type": "application/json", "Latchkey-Attempt": "attempt-key-number-1" };
  const request = new Request(ISSUER + path, { method: "POST", body: JSON.stringify(body), headers });
  const response = await server.fetch(request, { remoteAddress: "203.0.113.9" });
  return (await response.json()) as Record<string, string>;
}

async function askWithTrace(remoteAddress: string, traceparent: string): Promise<void> {
  const headers = { traceparent, tracestate: "evil=1", baggage: "user=ada" };
  await server.fetch(new Request(`${ISSUER}/health/live`, { headers }), { remoteAddress });
}

const credentials = { email: "ada@example.com", password: "correct horse battery staple" };
await post("/auth/signup", credentials);
const session = await post("/auth/login", credentials);
const next = await post("/auth/refresh", { refresh_token: session["refresh_token"] });
if (next["access_token"] === undefined) throw new Error("the refresh failed");
await post("/auth/refresh", { refresh_token: "nonsense" });
const id = (digit: string): string => digit.repeat(32);
await askWithTrace("203.0.113.9", `00-${id("1")}-b7ad6b7169203331-01`);
await askWithTrace("10.0.0.1", `00-${id("2")}-b7ad6b7169203331-01`);
await askWithTrace("10.0.0.1", `00-${id("3")}-b7ad6b7169203331-01-more`);
await askWithTrace("10.0.0.1", `00-${id("0")}-b7ad6b7169203331-01`);
await server.close();
rmSync(folder, { recursive: true, force: true });

const run: TracedRun = {
  spans: exporter.getFinishedSpans().map((span) => ({
    name: span.name,
    traceId: span.spanContext().traceId,
    spanId: span.spanContext().spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    attributes: { ...span.attributes, events: span.events, status: span.status },
    links: span.links.length,
    hasTraceState: span.spanContext().traceState !== undefined,
  })),
  secrets: [...Object.values(credentials), session["refresh_token"], session["session_id"], next["access_token"]].map(
    String,
  ),
};
process.stdout.write(JSON.stringify(run));
