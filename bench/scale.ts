/**
 * How long a refresh takes in tables of very different sizes, over HTTP.
 *
 *     npm run bench:scale [-- --sessions 1000,1000000,10000000] [--store sqlite|postgres] [--json FILE]
 */

import { readFlags } from "./harness/flags.ts";
import type { Result } from "./harness/report.ts";
import { report } from "./harness/report.ts";
import { startLatchkeyOnPostgres, startLatchkeyOnSqlite } from "./refresh/latchkey-subject.ts";
import { startLoadGenerator } from "./refresh/load-generator.ts";
import { measureScales } from "./refresh/scales.ts";

const HELP = `Measures refreshes over HTTP in tables of very different sizes.

  --sessions LIST  sizes, rising (default: 1000,100000,1000000). A million takes 0.44 GB of disk on SQLite, 1 GB on PostgreSQL
  --store NAME     sqlite or postgres (default: both)
  --json FILE      writes the figures as JSON
  --help

Half a minute of measuring a size and store. What takes longer is to fill the tables.
`;

const flags = readFlags(HELP, {
  sessions: { type: "string", default: "1000,100000,1000000" },
  store: { type: "string" },
});

const STORES = { sqlite: startLatchkeyOnSqlite, postgres: startLatchkeyOnPostgres };
/** Sessions that the load refreshes. */
const LIVE = 1_000;

await main();

async function main(): Promise<void> {
  const scales = flags.sessions.split(",").map(Number);
  const stores = Object.entries(STORES).filter(([name]) => flags.store === undefined || flags.store === name);
  if (stores.length === 0 || scales.some((scale) => !Number.isSafeInteger(scale) || scale < LIVE)) {
    process.stderr.write(`Each size is a whole number of ${LIVE} or more; a store is sqlite or postgres.\n\n${HELP}`);
    process.exitCode = 2;
    return;
  }
  const generator = startLoadGenerator();
  const results: Result[] = [];
  try {
    for (const [, start] of stores) {
      results.push(...(await measureScales(() => start(LIVE), generator, { scales, seconds: 3, rounds: 5 })));
    }
  } finally {
    generator.stop();
  }
  report(`Refreshes among many sessions, Node.js ${process.version}`, results, flags.json);
}
