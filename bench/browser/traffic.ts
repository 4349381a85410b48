import type { Fault } from "./fault-plan.ts";
import type { Exchange } from "./fault-proxy.ts";
import { OWN_HOST } from "./hosts.ts";

/** What the proxy has seen: the server's side of the story, which no page can tell otherwise. */
export interface Traffic {
  readonly faults: Readonly<Record<string, number>>;
  /** Refreshes that were granted, and of those the ones that made a new generation. */
  readonly refreshes: { readonly granted: number; readonly rotations: number };
  /** Every refresh token that was ever given to a browser. */
  readonly refreshTokens: ReadonlySet<string>;
  /** How the server answered the forged request of this mark, and its preflight; `undefined` where neither reached it. */
  forged(mark: string): readonly ForgedRequest[];
  count(fault: Fault): void;
  observe(exchange: Exchange): void;
}

export interface ForgedRequest {
  readonly method: string;
  readonly status: number;
  /** Whether the browser sent the session along. */
  readonly broughtSession: boolean;
  /** Whether the answer sets cookies, or lets another origin's page read it. */
  readonly gaveSomething: boolean;
}

/** The query parameter that names a forged request. */
export const MARK = "forged";

const REFRESH_COOKIE = /^__Secure-latchkey-rt=([^;]+)/;
const CSRF_COOKIE = /^__Host-latchkey-csrf=([^;]+)/;

export function recordTraffic(): Traffic {
  const faults: Record<string, number> = {};
  const refreshTokens = new Set<string>();
  const generations = new Set<string>();
  const marked = new Map<string, ForgedRequest[]>();
  let granted = 0;
  return {
    faults,
    refreshTokens,
    get refreshes() {
      return { granted, rotations: generations.size };
    },
    forged: (mark) => marked.get(mark) ?? [],
    count(fault) {
      if (fault.kind !== "none") faults[fault.kind] = (faults[fault.kind] ?? 0) + 1;
    },
    observe({ method, url, headers, status, answerHeaders }) {
      const cookies = answerHeaders["set-cookie"] ?? [];
      for (const cookie of cookies) {
        const token = REFRESH_COOKIE.exec(cookie)?.[1];
        if (token !== undefined) refreshTokens.add(token);
        const version = CSRF_COOKIE.exec(cookie)?.[1];
        if (version !== undefined && status === 200 && url.pathname === "/auth/refresh") generations.add(version);
      }
      if (method === "POST" && url.pathname === "/auth/refresh" && status === 200) granted += 1;

      const mark = url.searchParams.get(MARK);
      if (mark === null) return;
      const readableBy = answerHeaders["access-control-allow-origin"];
      const isReadable = readableBy !== undefined && !readableBy.includes(`//${OWN_HOST}:`);
      marked.set(mark, [
        ...(marked.get(mark) ?? []),
        {
          method,
          status,
          broughtSession: (headers.cookie ?? "").includes("__Secure-latchkey-rt="),
          gaveSomething: cookies.length > 0 || isReadable,
        },
      ]);
    },
  };
}
