import { once } from "node:events";
import { readFileSync } from "node:fs";

import type { AuditEntry, AuditFilter, AuditLog } from "@latchkey/server";
import { ConfigurationError, createAuditLog, EVENT_TYPES, isEventType } from "@latchkey/server";
import type { Option } from "commander";
import { Command, InvalidArgumentError } from "commander";

import { withStore } from "../with-store.ts";

const clock = (): number => Math.floor(Date.now() / 1000);

/** How often to say how far it is, in milliseconds. */
const PROGRESS_MS = 1_000;

interface ExportFlags {
  readonly data: string;
  readonly since?: number;
  readonly until?: number;
  readonly type?: readonly string[];
  readonly user?: string;
  readonly session?: string;
  readonly address?: string;
}

/** `latchkey audit`: reads the log in the store of the nodes that run. */
export function auditCommand(dataOption: () => Option): Command {
  const audit = new Command("audit").description("export and check the log of what happened");

  audit
    .command("export")
    .description(
      "write entries to the standard output as JSON lines, oldest first: all of them, or those that options name",
    )
    .option("--since <time>", "from this time on: 2026-01-31, 2026-01-31T12:00:00Z, or 90m, 12h, 7d ago", parseTime)
    .option("--until <time>", "before this time", parseTime)
    .option("--type <type...>", "of these types alone, for example sign_in_failed session_revoked", parseType)
    .option("--user <id>", "of this user")
    .option("--session <id>", "of this session")
    .option("--address <ip>", "from this address")
    .addOption(dataOption())
    .action(async ({ data, type: types, user: userId, session: sessionId, address: ip, since, until }: ExportFlags) => {
      await withAuditLog(data, (log) => exportLines(log, { types, userId, sessionId, ip, since, until }));
    });

  audit
    .command("verify")
    .description("check that no entry was altered, removed, moved or inserted")
    .option(
      "--checkpoint <file...>",
      "files of checkpoints, one a line, that were kept where nobody could change them with the database (default: those in the database alone)",
    )
    .addOption(dataOption())
    .action(async ({ data, checkpoint: files = [] }: { readonly data: string; readonly checkpoint?: string[] }) => {
      await withAuditLog(data, (log) => verify(log, files.flatMap(readLines)));
    });

  audit
    .command("checkpoint")
    .description("print the newest entry's number and hash, signed, to be kept elsewhere")
    .addOption(dataOption())
    .action(async ({ data }: { readonly data: string }) => {
      await withAuditLog(data, async (log) => void process.stdout.write(`${await log.checkpoint()}\n`));
    });

  return audit;
}

async function withAuditLog(dataPath: string, work: (log: AuditLog) => Promise<void>): Promise<void> {
  await withStore(dataPath, async (store, openSealer) => {
    await work(createAuditLog({ store, openSealer, clock }));
  });
}

async function exportLines(log: AuditLog, filter: AuditFilter): Promise<void> {
  const progress = startProgress("entries exported");
  let count = 0;
  for await (const entry of log.export(filter)) {
    // A reader that is slow, or waits, is waited for: the log may be larger than the memory.
    if (!process.stdout.write(lineOf(entry))) await once(process.stdout, "drain");
    progress((count += 1));
  }
  progress(count, true);
}

/** The event stands as the hash covers it, to the letter. */
function lineOf({ number, hash, content, event }: AuditEntry): string {
  const time = new Date(event.at * 1000).toISOString().replace(".000", "");
  return `{"number":${number},"time":"${time}","hash":"${hash}","event":${content}}\n`;
}

async function verify(log: AuditLog, checkpoints: readonly string[]): Promise<void> {
  const progress = startProgress("entries checked");
  const verdict = await log.verify({ checkpoints, onProgress: (count) => progress(count) });
  if (!verdict.intact) throw new ConfigurationError(verdict.description);
  const { entries, first, last, coveredThrough } = verdict;
  progress(entries, true);
  process.stdout.write(
    entries === 0
      ? "The log is empty.\n"
      : `Intact: ${entries} entries, ${first} to ${last}; covered by checkpoints up to ${coveredThrough}.\n`,
  );
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  } catch {
    throw new ConfigurationError(`${file} cannot be read. Check the path, and who may read it.`);
  }
}

/** Says on the standard error how far it is, once a second, and at the end. */
function startProgress(what: string): (count: number, isDone?: boolean) => void {
  let toldAt = performance.now();
  return (count, isDone = false) => {
    if (!isDone && performance.now() - toldAt < PROGRESS_MS) return;
    toldAt = performance.now();
    process.stderr.write(`${count} ${what}${isDone ? "" : " …"}\n`);
  };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400 };

function parseType(type: string, others: readonly string[] = []): readonly string[] {
  if (!isEventType(type))
    throw new InvalidArgumentError(`No entry is of that type. It is one of ${EVENT_TYPES.join(", ")}.`);
  return [...others, type];
}

function parseTime(text: string): number {
  const [, amount = "", unit = ""] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const seconds = UNIT_SECONDS[unit];
  if (seconds !== undefined) return clock() - Number(amount) * seconds;
  if (!/^\d{4}-\d\d-\d\d(T[\d:.]+Z)?$/.test(text) || Number.isNaN(Date.parse(text))) {
    throw new InvalidArgumentError("It must be a UTC date or time, such as 2026-01-31T12:00:00Z, or such as 12h.");
  }
  return Math.floor(Date.parse(text) / 1000);
}
