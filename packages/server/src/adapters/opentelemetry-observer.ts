/**
 * `@latchkey/server/opentelemetry`: spans for requests and for what they ask of the store, by `@opentelemetry/api` alone:
 * without an SDK that was registered, they are nothing. Apart from the root entry, so that only who uses it needs the API.
 *
 * @module
 */
import type { Context, Span, SpanContext } from "@opentelemetry/api";
import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

import type { ObservedRequest, Observer } from "../ports/observer.ts";

/**
 * Attributes are routes, verbs, codes and statuses. A request's trace is gone on with where a trusted proxy sent it, and
 * linked to otherwise: nobody outside decides what is sampled, or writes into a trace of yours. Baggage and `tracestate` are
 * not read.
 */
export function createOpenTelemetryObserver(): Observer {
  const tracer = trace.getTracer("@latchkey/server");

  return {
    observeRequest(request, answer) {
      const { method, route, isFromTrustedProxy } = request;
      const remote = remoteSpan(request);
      const isParent = remote !== undefined && isFromTrustedProxy;
      const options = {
        kind: SpanKind.SERVER,
        attributes: { "http.request.method": method, "http.route": route },
        ...(remote !== undefined && !isParent && { links: [{ context: remote }] }),
      };
      const parent: Context = isParent ? trace.setSpanContext(ROOT_CONTEXT, remote) : ROOT_CONTEXT;
      return tracer.startActiveSpan(`${method} ${route}`, options, parent, (span) =>
        ended(span, async () => {
          const answered = await answer();
          span.setAttribute("http.response.status_code", answered.status);
          if (answered.error !== undefined) span.setAttribute("error.type", answered.error);
          if (answered.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
          return answered;
        }),
      );
    },

    observeStore(verb, call) {
      // What polls by itself is of no request, and makes no traces.
      if (trace.getSpan(context.active()) === undefined) return call();
      return tracer.startActiveSpan(`store ${verb}`, { kind: SpanKind.CLIENT }, (span) =>
        ended(span, async () => {
          try {
            return await call();
          } catch (error) {
            // Without its message: drivers quote what they were given.
            span.setStatus({ code: SpanStatusCode.ERROR });
            throw error;
          }
        }),
      );
    },

    count: () => undefined,
  };
}

async function ended<Result>(span: Span, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } finally {
    span.end();
  }
}

/** https://www.w3.org/TR/trace-context/#traceparent-header, the one version there is. */
function remoteSpan({ traceparent }: ObservedRequest): SpanContext | undefined {
  const [, traceId = "", spanId = "", flags = ""] =
    /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? "") ?? [];
  return traceId === "" ? undefined : { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}
