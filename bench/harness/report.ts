import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";

/** One line of a benchmark's or a trial's report. */
export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly peer?: string;
  readonly ratio?: number;
  readonly target?: string;
  readonly holds: boolean;
}

/** A figure without a target. */
export function figure(name: string, value: number, unit = ""): Result {
  return { name, value, unit, holds: true };
}

/** A figure that must be just this. */
export function exactly(name: string, value: number, target: number): Result {
  return { ...figure(name, value), target: `${target}`, holds: value === target };
}

/** A figure that shows that something was tried at all. */
export function some(name: string, value: number): Result {
  return { ...figure(name, value), target: "> 0", holds: value > 0 };
}

/** The same results of one of several runs. */
export function named(run: string, results: readonly Result[]): readonly Result[] {
  return results.map((result) => ({ ...result, name: `${run}: ${result.name}` }));
}

/** Prints the table, writes the file where one is wanted, and says by the exit code whether every target holds. */
export function report(title: string, results: readonly Result[], jsonPath: string | undefined): void {
  const load = loadavg()
    .map((value) => value.toFixed(2))
    .join(" ");
  const rows = results.map((result) => [
    result.holds ? "✓" : "✗",
    result.name,
    `${format(result.value)} ${result.unit}`.trim(),
    result.ratio === undefined ? "" : `${format(result.ratio)} × ${result.peer ?? ""}`.trim(),
    result.target === undefined ? "" : `target ${result.target}`,
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  process.stdout.write(`\n${title} (load average ${load})\n`);
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 2 ? cell.padStart(widths[2] ?? 0) : cell.padEnd(widths[column] ?? 0),
    );
    process.stdout.write(`${cells.join("  ").trimEnd()}\n`);
  }
  if (jsonPath !== undefined) writeFileSync(jsonPath, `${JSON.stringify(results, undefined, 2)}\n`);
  const missed = results.filter((result) => !result.holds).length;
  if (missed > 0) process.stdout.write(`${missed} of ${results.length} missed.\n`);
  if (missed > 0) process.exitCode = 1;
}

function format(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(2);
}
