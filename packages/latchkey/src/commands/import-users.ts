import { statSync } from "node:fs";

import type { Store } from "@latchkey/server";
import { ConfigurationError } from "@latchkey/server";
import { SingleBar } from "cli-progress";
import { Command, Option } from "commander";

import type { ImportCount } from "../import/import-rows.ts";
import { importRows } from "../import/import-rows.ts";
import type { RowFormat } from "../import/read-rows.ts";
import { readRows } from "../import/read-rows.ts";
import { withStore } from "../with-store.ts";

interface Flags {
  readonly data: string;
  readonly format?: RowFormat;
  readonly dryRun?: boolean;
}

const HELP = `
One account a row, as JSON objects (one a line) or as CSV with the names of the columns in the first line:
  email, password_hash (of bcrypt, scrypt, PBKDF2, Argon2id or Firebase), and if you like
  id, name, email_verified, roles, created_at, disabled
In CSV, hashes that hold commas need quotes: "$argon2id$v=19$m=19456,t=2,p=1$…".
Addresses that have an account are left alone, so an import that was broken off can be started again.`;

/** `latchkey users import`: accounts from elsewhere, with their passwords. */
export function importUsersCommand(dataOption: () => Option): Command {
  return new Command("import")
    .description("make accounts of a file, with the password hashes they have had elsewhere")
    .argument("<file>")
    .addOption(new Option("--format <format>", "what the file is (default: by its name)").choices(["csv", "jsonl"]))
    .option("--dry-run", "check every row and write nothing")
    .addOption(dataOption())
    .addHelpText("after", HELP)
    .action(async (path: string, flags: Flags) => {
      const format = flags.format ?? formatOf(path);
      const total = sizeOf(path);
      const dryRun = flags.dryRun === true;
      const importAll = async (store: Store): Promise<void> => {
        const bar = createBar();
        bar.start(total, 0);
        const problems: string[] = [];
        try {
          const count = await importRows(readRows(path, format), {
            store,
            dryRun,
            onProblem: (line, problem) => problems.push(`line ${line}: ${problem}`),
            onProgress: (bytes) => bar.update(Math.min(bytes, total)),
          });
          process.stdout.write(summaryOf(count, dryRun));
          if (count.bad > 0) process.exitCode = 1;
        } finally {
          bar.stop();
          // Not before: the bar would be drawn over them.
          for (const problem of problems) process.stderr.write(`${problem}\n`);
        }
      };
      await withStore(flags.data, importAll, { mayMakeDatabase: true });
    });
}

/** Drawn on the error output where somebody looks at it, and nowhere else. */
function createBar(): SingleBar {
  return new SingleBar({
    format: "{bar} {percentage}% | {eta_formatted} left",
    stream: process.stderr,
    barsize: 40,
    hideCursor: true,
    clearOnComplete: true,
  });
}

function summaryOf({ imported, alreadyThere, bad }: ImportCount, dryRun: boolean): string {
  const count = (n: number): string => n.toLocaleString("en-US");
  const lines = [
    `${dryRun ? "Would be imported" : "Imported"}: ${count(imported)}`,
    `Already there, and left alone: ${count(alreadyThere)}`,
    `Bad rows, and left out: ${count(bad)}`,
  ];
  return `${lines.join("\n")}\n`;
}

function formatOf(path: string): RowFormat {
  if (/\.csv$/i.test(path)) return "csv";
  if (/\.(jsonl|ndjson)$/i.test(path)) return "jsonl";
  throw new ConfigurationError(`${path}: is it CSV or JSON lines? Say so with --format csv or --format jsonl.`);
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    throw new ConfigurationError(`${path}: there is no such file, or it cannot be read. Check the path.`);
  }
}
