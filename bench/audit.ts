/**
 * What the audit log costs: moving events of the outbox into the chain, and checking the chain, entries a second.
 *
 *     npm run bench:audit [-- --entries NUMBER] [--json FILE]
 *
 * On SQLite and PostgreSQL. "A session begins" is the store's own step of a sign-in, one at a time, for comparison: what the
 * chain adds to it comes a second later, on one node. Medians of five. Times are those of the clock and, in brackets, of
 * this process's processor: of SQLite all there is, of PostgreSQL without the server's.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Store } from "@latchkey/server";
import { createAuditLog, createKeySealer, createSqliteStore } from "@latchkey/server";
import { createPostgresStore } from "@latchkey/server/postgres";

import { writeChain } from "../packages/server/src/audit/chain-writer.ts";
import { entriesAfter } from "../packages/server/src/audit/entry.ts";
import { sampleSession, signedIn } from "../packages/server/src/testing/samples.ts";
import { startPostgres } from "../scripts/postgres-server.ts";
import { readFlags } from "./harness/flags.ts";
import { median } from "./harness/statistics.ts";

const ROUNDS = 5;
/** How many events are chained in a round. */
const EVENTS = 1_000;
/** How many sessions begin in a round. */
const SESSIONS = 200;

const HELP = `Measures what the audit log costs: chaining entries and checking the chain, on SQLite and PostgreSQL.
Took 42 seconds on two busy cores.

  --entries NUMBER  how many entries the log that is checked has (default: 100000)
  --json FILE       writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, { entries: { type: "string", default: "100000" } });
const entries = Number(flags.entries);
const clock = (): number => 1_800_000_000;
const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
const sealer = createKeySealer(new Uint8Array(32).fill(7));

interface Cost {
  readonly seconds: number;
  readonly processorSeconds: number;
}

async function costOf(work: () => Promise<unknown>, count: number): Promise<Cost> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - start) / 1e3 / count, processorSeconds: (user + system) / 1e6 / count };
}

interface Microseconds {
  readonly clock: number;
  readonly processor: number;
}

function mediansOf(costs: readonly Cost[]): Microseconds {
  return {
    clock: median(costs.map(({ seconds }) => seconds)) * 1e6,
    processor: median(costs.map(({ processorSeconds }) => processorSeconds)) * 1e6,
  };
}

function describe({ clock: elapsed, processor }: Microseconds): string {
  return `${elapsed.toFixed(1)} µs (${processor.toFixed(1)})`;
}

/** The rest of the log, not by way of the outbox: its events are flushed one by one. */
async function fill(store: Store): Promise<void> {
  for (;;) {
    const { head, source } = await store.audit.readState();
    const left = Math.min(entries - head.number, 1_000);
    if (left <= 0) return;
    const events = Array.from({ length: left }, (_, index) => ({
      ...signedIn(sampleSession()),
      sequence: head.number + index,
    }));
    await store.audit.append(head, entriesAfter(head, events), source);
  }
}

interface Figures {
  readonly store: string;
  readonly entries: number;
  readonly sessionBegun: Microseconds;
  readonly entryChained: Microseconds;
  readonly entryChecked: Microseconds;
}

async function measure(name: string, store: Store): Promise<Figures> {
  const log = createAuditLog({ store, openSealer: async () => sealer, clock });
  const [begun, chained, checked]: [Cost[], Cost[], Cost[]] = [[], [], []];
  const write = () => writeChain({ store, clock, logger });
  const begin = async () => {
    for (let index = 0; index < SESSIONS; index++) {
      const session = sampleSession();
      await store.sessions.createSession(session, signedIn(session));
    }
  };
  for (let round = 0; round < ROUNDS; round++) {
    begun.push(await costOf(begin, SESSIONS));
    await write();
  }
  const append = async () => store.events.appendEvent(signedIn(sampleSession()));
  for (let round = 0; round < ROUNDS; round++) {
    for (let index = 0; index < EVENTS; index += 50) await Promise.all(Array.from({ length: 50 }, append));
    chained.push(await costOf(write, EVENTS));
  }
  await fill(store);
  const { head } = await store.audit.readState();
  const check = async () => {
    if (!(await log.verify()).intact) throw new Error("The log is not intact.");
  };
  for (let round = 0; round < ROUNDS; round++) checked.push(await costOf(check, head.number));
  const figures: Figures = {
    store: name,
    entries: head.number,
    sessionBegun: mediansOf(begun),
    entryChained: mediansOf(chained),
    entryChecked: mediansOf(checked),
  };
  console.log(
    `${name}: a session begins in ${describe(figures.sessionBegun)}; its entry is chained in ` +
      `${describe(figures.entryChained)}; one of ${head.number} entries is checked in ${describe(figures.entryChecked)}`,
  );
  return figures;
}

const results: Figures[] = [];
const folder = mkdtempSync(join(tmpdir(), "latchkey-audit-"));
try {
  const sqlite = createSqliteStore({ path: join(folder, "latchkey.db") });
  results.push(await measure("SQLite", sqlite));
  await sqlite.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const server = await startPostgres();
try {
  const postgres = createPostgresStore({ connectionString: server.url });
  results.push(await measure("PostgreSQL", postgres));
  await postgres.close();
} finally {
  await server.stop();
}
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
