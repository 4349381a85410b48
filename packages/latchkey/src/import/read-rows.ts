import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

import type { CsvError } from "csv-parse";
import { parse } from "csv-parse";

/** A row of a file, before anybody has looked at what it says. */
export interface FileRow {
  /** The line it begins on, from 1. */
  readonly line: number;
  readonly value: unknown;
  /** Why the row cannot be read at all; then there is no value. */
  readonly problem?: string;
  /** How much of the file had been read at its end. */
  readonly bytes: number;
}

export type RowFormat = "csv" | "jsonl";

export function readRows(path: string, format: RowFormat): AsyncIterable<FileRow> {
  return format === "csv" ? readCsv(path) : readJsonLines(path);
}

async function* readJsonLines(path: string): AsyncIterable<FileRow> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  let [line, bytes] = [0, 0];
  for await (const text of lines) {
    line += 1;
    bytes += Buffer.byteLength(text) + 1;
    const trimmed = line === 1 ? text.replace(/^\uFEFF/, "").trim() : text.trim();
    if (trimmed !== "") yield { line, ...parseJson(trimmed), bytes };
  }
}

function parseJson(text: string): Pick<FileRow, "value" | "problem"> {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { value: undefined, problem: "is no JSON" };
  }
}

/** The first line names the columns. */
async function* readCsv(path: string): AsyncIterable<FileRow> {
  const unreadable: FileRow[] = [];
  const parser = parse({
    bom: true,
    columns: true,
    info: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: (error) => {
      if (error !== undefined) {
        unreadable.push({ line: Number(error["lines"]), value: undefined, problem: problemOf(error), bytes: 0 });
      }
      return undefined;
    },
  });
  const input = createReadStream(path);
  input.on("error", (error) => parser.destroy(error));
  for await (const { info, record } of input.pipe(parser) as AsyncIterable<CsvRow>) {
    yield* unreadable.splice(0);
    // By its last line, which csv-parse knows; of most rows that is the first as well.
    yield { line: info.lines, value: record, bytes: info.bytes };
  }
  yield* unreadable;
}

function problemOf({ code }: CsvError): string {
  return code === "CSV_RECORD_INCONSISTENT_COLUMNS"
    ? "has another number of fields than the first line (what holds commas, as many password hashes do, needs quotes)"
    : "cannot be read";
}

interface CsvRow {
  readonly info: { readonly lines: number; readonly bytes: number };
  readonly record: unknown;
}
