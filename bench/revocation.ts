/**
 * How soon a revoked session stops working at every verifier, and what knowing that costs: two nodes of an authority under
 * load, and up to a hundred verifiers in processes of their own.
 *
 *     npm run bench:revocation [-- --quick] [--store sqlite|postgres] [--json FILE]
 */

import type { ApiTokenAnswer, SessionAnswer } from "@latchkey/protocol";

import type { AskedProgram } from "./harness/asked-program.ts";
import { startProgram } from "./harness/asked-program.ts";
import { readFlags } from "./harness/flags.ts";
import type { Result } from "./harness/report.ts";
import { report } from "./harness/report.ts";
import type { ApiAnswer, ApiQuestion } from "./revocation/api.ts";
import { monotonicMs } from "./revocation/monotonic.ts";
import type { Nodes, StoreName } from "./revocation/nodes.ts";
import { startNodes } from "./revocation/nodes.ts";
import type { LoadAnswer, LoadQuestion } from "./revocation/refresh-load.ts";
import type { WatcherAnswer, WatcherQuestion } from "./revocation/watchers.ts";
import type { LoadOrder, LoadReport } from "./verify-http/load.ts";

const HELP = `Measures how soon a revoked session stops working at every verifier, and what that costs.

  --quick        8 revocations: took 160 seconds on two busy cores (default: 60)
  --store NAME   sqlite or postgres; both by default
  --json FILE    writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, {
  quick: { type: "boolean", default: false },
  store: { type: "string" },
});

const ROUNDS = flags.quick ? 8 : 60;
const COST_ROUNDS = flags.quick ? 4 : 15;
const WATCHER_PROCESSES = 4;
const LOAD_SESSIONS = 8;
const LOAD_PAUSE_MS = 10;

/** Targets: from the answer of the revoking call to the first refusal, and what following costs a protected route. */
const MAX_P99_MS = 250;
const MAX_COST = 1.03;

type Watcher = AskedProgram<WatcherQuestion, WatcherAnswer>;

interface Held {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** What is made, watched, and revoked in each round. */
interface Doomed {
  readonly token: string;
  /** Answers when the revoking call was answered. */
  revoke(node: string): Promise<number>;
}

await main();

async function main(): Promise<void> {
  const stores: readonly StoreName[] =
    flags.store === undefined ? ["SQLite", "PostgreSQL"] : [flags.store === "postgres" ? "PostgreSQL" : "SQLite"];
  const results: Result[] = [];
  for (const store of stores) {
    const nodes = await startNodes(store);
    try {
      results.push(...(await measureDelays(store, nodes)));
      if (store === stores[0]) results.push(await measureCost(nodes));
    } finally {
      await nodes.stop();
    }
  }
  report("From revoked to refused", results, flags.json);
}

async function measureDelays(store: StoreName, nodes: Nodes): Promise<readonly Result[]> {
  const load = startProgram<LoadQuestion, LoadAnswer>(new URL("revocation/refresh-load.ts", import.meta.url));
  const watchers = Array.from({ length: WATCHER_PROCESSES }, () =>
    startProgram<WatcherQuestion, WatcherAnswer>(new URL("revocation/watchers.ts", import.meta.url)),
  );
  try {
    const loaded = await Promise.all(Array.from({ length: LOAD_SESSIONS }, () => nodes.maker.make("body")));
    const refreshTokens = loaded.map(({ refreshToken }) => refreshToken);
    await load.ask({ type: "start", nodes: nodes.urls, refreshTokens, pauseMs: LOAD_PAUSE_MS });
    const results: Result[] = [];
    for (const count of [1, 10, 100]) {
      progress(`${store}, ${count} verifiers`);
      const delays = await delaysAt(nodes, watchers, { count, apiTokens: false });
      results.push(...resultsOf(`${store}, ${count} verifiers`, delays));
    }
    progress(`${store}, API tokens`);
    const delays = await delaysAt(nodes, watchers, { count: 10, apiTokens: true });
    results.push(...resultsOf(`${store}, 10 verifiers, API tokens`, delays));
    const refreshes = await load.ask({ type: "stop" });
    process.stdout.write(`  (${refreshes} refreshes were answered meanwhile)\n`);
    return results;
  } finally {
    load.stop();
    for (const watcher of watchers) watcher.stop();
  }
}

/** The delays of all verifiers in all rounds, in milliseconds. */
async function delaysAt(
  nodes: Nodes,
  all: readonly Watcher[],
  { count, apiTokens }: { readonly count: number; readonly apiTokens: boolean },
): Promise<readonly number[]> {
  const used = all.slice(0, Math.min(count, all.length));
  const feeds = nodes.urls.map((url) => `${url}/revocations`);
  await Promise.all(
    used.map((watcher, index) => {
      const share = Math.floor((count + used.length - 1 - index) / used.length);
      return watcher.ask({ type: "open", issuer: nodes.issuer, feeds, count: share, apiTokens });
    }),
  );
  const user = apiTokens ? await makeUser(nodes) : undefined;
  const delays: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const doomed = user === undefined ? await makeDoomedSession(nodes) : await makeApiToken(nodes, user);
    await Promise.all(used.map((watcher) => watcher.ask({ type: "watch", token: doomed.token })));
    const revokedAt = await doomed.revoke(nodes.urls[round % 2 === 0 ? 0 : 1]);
    const refusals = (await Promise.all(used.map((watcher) => watcher.ask({ type: "collect" })))).flat();
    for (const refusedAt of refusals) {
      // One that learnt of it before the caller did is counted as no delay.
      delays.push(refusedAt === null ? Infinity : Math.max(0, refusedAt - revokedAt));
    }
  }
  return delays;
}

function resultsOf(name: string, delays: readonly number[]): readonly Result[] {
  const sorted = delays.toSorted((one, other) => one - other);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  const p99 = at(0.99);
  return [
    { name: `${name}, p50`, value: at(0.5), unit: "ms", holds: true },
    { name: `${name}, p99`, value: p99, unit: "ms", target: `≤ ${MAX_P99_MS}`, holds: p99 <= MAX_P99_MS },
    { name: `${name}, max`, value: at(1), unit: "ms", holds: at(1) < Infinity },
  ];
}

/** Processor time of a protected route with the feed, of the same without, while ten sessions a second are revoked. */
async function measureCost(nodes: Nodes): Promise<Result> {
  progress("cost of following");
  const load = startProgram<LoadOrder, LoadReport>(new URL("verify-http/load.ts", import.meta.url));
  const apis = await Promise.all([startApi(nodes.issuer, true), startApi(nodes.issuer, false)]);
  const held = await Promise.all(Array.from({ length: 32 }, () => makeSession(nodes)));
  const tokens = held.map(({ accessToken }) => accessToken);
  const doomed = await Promise.all(Array.from({ length: COST_ROUNDS * 40 }, () => makeSession(nodes)));
  let revoking = true;
  const revocations = (async () => {
    for (const one of doomed) {
      if (!revoking) return;
      await revoke(nodes.urls[0], one);
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
  })();
  try {
    const ratios: number[] = [];
    for (let round = 0; round < COST_ROUNDS + 2; round++) {
      const order = round % 2 === 0 ? [0, 1] : [1, 0];
      const costs = [0, 0];
      for (const index of order) {
        const api = apis[index];
        if (api === undefined) throw new Error("there is no API");
        const before = await api.program.ask({ type: "usage" });
        const done = await load.ask({
          port: api.port,
          path: "/",
          connections: 16,
          seconds: 20,
          exchanges: 3_000,
          tokens,
        });
        if (done.failures > 0) throw new Error(`the API refused: ${done.failure}`);
        costs[index] = ((await api.program.ask({ type: "usage" })) - before) / done.exchanges;
      }
      // The first two warm up.
      if (round >= 2) ratios.push((costs[0] ?? NaN) / (costs[1] ?? NaN));
    }
    const ratio = ratios.toSorted((one, other) => one - other)[Math.floor(ratios.length / 2)] ?? NaN;
    return {
      name: "a protected request, following the feed",
      value: ratio,
      unit: "× not following",
      target: `≤ ${MAX_COST}`,
      holds: ratio <= MAX_COST,
    };
  } finally {
    revoking = false;
    await revocations;
    load.stop();
    for (const { program } of apis) program.stop();
  }
}

async function startApi(
  issuer: string,
  follows: boolean,
): Promise<{ readonly port: number; readonly program: AskedProgram<ApiQuestion, ApiAnswer> }> {
  const program = startProgram<ApiQuestion, ApiAnswer>(new URL("revocation/api.ts", import.meta.url));
  return { port: await program.ask({ type: "serve", issuer, follows }), program };
}

async function makeSession(nodes: Nodes): Promise<Held> {
  const { refreshToken } = await nodes.maker.make("body");
  const response = await post(`${nodes.urls[0]}/auth/refresh`, { refresh_token: refreshToken });
  if (response.status !== 200) throw new Error(`a refresh was answered ${response.status}`);
  const answer = (await response.json()) as SessionAnswer;
  return { accessToken: answer.access_token, refreshToken: answer.refresh_token ?? "" };
}

async function makeDoomedSession(nodes: Nodes): Promise<Doomed> {
  const held = await makeSession(nodes);
  return { token: held.accessToken, revoke: (node) => revoke(node, held) };
}

/** Signed in just now, as who makes API tokens must be; answers the access token. */
async function makeUser({ urls }: Nodes): Promise<string> {
  const credentials = { email: `${Date.now()}@example.com`, password: "a passphrase that nobody else has chosen" };
  await post(`${urls[0]}/auth/signup`, credentials);
  const response = await post(`${urls[0]}/auth/login`, credentials);
  if (response.status !== 200) throw new Error(`a sign-in was answered ${response.status}`);
  return ((await response.json()) as SessionAnswer).access_token;
}

async function makeApiToken({ urls }: Nodes, accessToken: string): Promise<Doomed> {
  const authorization = `Bearer ${accessToken}`;
  const response = await post(`${urls[0]}/auth/tokens`, { name: "bench", scope: "use:api" }, authorization);
  if (response.status !== 201) throw new Error(`making an API token was answered ${response.status}`);
  const { token, api_token: summary } = (await response.json()) as ApiTokenAnswer;
  return {
    token,
    async revoke(node) {
      const headers = { Authorization: authorization };
      const { status } = await fetch(`${node}/auth/tokens/${summary.id}`, { method: "DELETE", headers });
      const answeredAt = monotonicMs();
      if (status !== 204) throw new Error(`revoking an API token was answered ${status}`);
      return answeredAt;
    },
  };
}

/** When the revoking call was answered. */
async function revoke(node: string, held: Held): Promise<number> {
  const response = await post(`${node}/auth/logout`, { refresh_token: held.refreshToken });
  const answeredAt = monotonicMs();
  if (response.status !== 204) throw new Error(`a sign-out was answered ${response.status}`);
  return answeredAt;
}

function post(url: string, body: object, authorization?: string): Promise<Response> {
  const headers = {
    "Content-Type": "application/json",
    ...(authorization !== undefined && { Authorization: authorization }),
  };
  return fetch(url, { method: "POST", body: JSON.stringify(body), headers });
}

function progress(what: string): void {
  process.stdout.write(`  measuring: ${what}\n`);
}
