import type { HttpMessage } from "../harness/http-message.ts";
import { createConnectionPool, postRequest } from "../harness/http-connection.ts";
import { headerOf, headersOf, statusOf } from "../harness/http-message.ts";
import { createSeededRandom } from "../harness/seeded-random.ts";
import { freePort } from "../../scripts/free-port.ts";
import type { SharedStore } from "../harness/shared-store.ts";
import { createBodyHolder } from "./body-holder.ts";
import { planFault } from "./fault-plan.ts";
import type { FaultProxy } from "./fault-proxy.ts";
import { CLIENT_HEADER, startFaultProxy } from "./fault-proxy.ts";
import type { Send } from "./honest-holder.ts";
import { createJarHolder } from "./jar-holder.ts";
import type { Tally } from "./session-trial.ts";
import { trySession } from "./session-trial.ts";
import { createTokenLedger } from "./token-ledger.ts";
import type { Trace, Violation } from "./trace.ts";
import { createTrace } from "./trace.ts";

export interface FaultTrialOptions {
  readonly seed: string;
  /** How many rotations to see, at least. */
  readonly refreshes: number;
  readonly maxSeconds: number;
  /** Clients that hold their token themselves… */
  readonly bodyClients: number;
  /** …and browsers, each of several tabs over one jar. */
  readonly jars: number;
  readonly thefts: number;
  readonly onProgress?: (rotations: number) => void;
}

export interface FaultTrialOutcome extends Tally {
  readonly rotations: number;
  readonly requests: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly sessions: number;
  readonly seconds: number;
  readonly violations: Violation[];
}

const TABS = 3;
/** What a client waits for an answer before it gives up and asks again. */
const CLIENT_TIMEOUT_MS = 1_500;
const MAX_VIOLATIONS = 5;

/** Honest clients and thieves, a proxy that mistreats them, and a server behind it. */
export async function runFaultTrial(store: SharedStore, options: FaultTrialOptions): Promise<FaultTrialOutcome> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const maker = await store.createMaker(issuer);
  const server = await store.startNode({ port, issuer });
  const random = createSeededRandom(options.seed);
  const ledger = createTokenLedger();
  const traces = new Map<string, Trace>();
  const plans = new Map<string, ReturnType<typeof createSeededRandom>>();
  const faults: Record<string, number> = {};
  const tally: Tally = {
    grants: 0,
    noAnswers: 0,
    movedOn: 0,
    thieves: 0,
    caught: 0,
    caughtByInsisting: 0,
    thievesInMidAttempt: 0,
    shownTooLate: 0,
    unanswered: 0,
    thievesFirst: 0,
    violations: [],
  };
  let requests = 0;
  let sessions = 0;
  let settled = false;
  const started = performance.now();
  const done = (): boolean =>
    settled ||
    ledger.rotations >= options.refreshes ||
    tally.violations.length >= MAX_VIOLATIONS ||
    performance.now() - started > options.maxSeconds * 1000;

  const proxy = await startFaultProxy({
    upstreamPort: () => port,
    plan(client) {
      const plan = plans.get(client) ?? random.fork(`faults of ${client}`);
      plans.set(client, plan);
      const fault = done() ? { kind: "none" as const } : planFault(plan);
      faults[fault.kind] = (faults[fault.kind] ?? 0) + 1;
      return fault;
    },
    observe(client, request, answer) {
      requests += 1;
      const status = statusOf(answer.head);
      traces.get(client)?.note(`server: ${status} to ${digestOf(request)}`);
      if (status !== 200) return;
      const fault = ledger.record(issuedToken(answer), presentedToken(request));
      if (fault === undefined) return;
      tally.violations.push({ kind: "double spend", what: fault, trace: traces.get(client)?.lines().slice() ?? [] });
    },
    note(client, line) {
      traces.get(client)?.note(line);
    },
  });

  const liveOneClient = async (name: string, kind: "body" | "cookie"): Promise<void> => {
    const own = random.fork(name);
    const clients = sender(proxy, name);
    while (!done()) {
      const trace = createTrace();
      traces.set(name, trace);
      sessions += 1;
      const session = await maker.make(kind);
      const holder =
        kind === "body"
          ? createBodyHolder({ refreshToken: session.refreshToken, send: clients.send, random: own })
          : createJarHolder({ cookies: session.cookies, origin: issuer, send: clients.send, random: own });
      await trySession({
        name,
        holder,
        workers: kind === "body" ? 1 : TABS,
        thiefSend: clients.send,
        random: own.fork(`session ${sessions}`),
        trace,
        tally,
        theftProbability: options.thefts / options.refreshes,
        done,
      });
    }
    clients.close();
  };

  const progress = setInterval(() => options.onProgress?.(ledger.rotations), 5_000);
  try {
    await Promise.all([
      ...Array.from({ length: options.bodyClients }, (_, n) => liveOneClient(`app ${n}`, "body")),
      ...Array.from({ length: options.jars }, (_, n) => liveOneClient(`browser ${n}`, "cookie")),
    ]);
    settled = true;
    await proxy.flush();
    return {
      ...tally,
      rotations: ledger.rotations,
      requests,
      faults,
      sessions,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    clearInterval(progress);
    await proxy.close();
    await maker.close();
    await server.stop();
  }
}

function sender(proxy: FaultProxy, name: string): { readonly send: Send; readonly close: () => void } {
  const pool = createConnectionPool({ port: () => proxy.port, size: TABS + 2 });
  let sent = 0;
  return {
    send: (path, headers, body) => {
      sent += 1;
      return pool.exchange(
        postRequest(path, { ...headers, [CLIENT_HEADER]: `${name};${sent}` }, body),
        CLIENT_TIMEOUT_MS,
      );
    },
    close: () => pool.close(),
  };
}

function presentedToken({ head, body }: HttpMessage): string {
  const cookie = headerOf(head, "cookie");
  if (cookie !== undefined) return /latchkey-rt=([^;]+)/.exec(cookie)?.[1] ?? "";
  return (JSON.parse(body.toString()) as { readonly refresh_token: string }).refresh_token;
}

function issuedToken({ head, body }: HttpMessage): string {
  const cookie = headersOf(head, "set-cookie").find((line) => line.startsWith("latchkey-rt="));
  if (cookie !== undefined) return /^latchkey-rt=([^;]+)/.exec(cookie)?.[1] ?? "";
  return (JSON.parse(body.toString()) as { readonly refresh_token: string }).refresh_token;
}

/** Which generation was presented, with which keys: what a trace tells of a request. */
function digestOf(request: HttpMessage): string {
  const token = presentedToken(request);
  const { gen } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
    readonly gen: number;
  };
  const keys =
    headerOf(request.head, "latchkey-attempt") ?? /latchkey-attempt=([^;\r]*)/.exec(request.head)?.[1] ?? "none";
  return `generation ${gen}, keys ${keys
    .split(/[,.]/)
    .map((key) => key.slice(0, 12))
    .join(" ")}`;
}
