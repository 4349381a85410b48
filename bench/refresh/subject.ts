import type { Wire } from "./load.ts";

/** A server under measurement, with sessions on it. */
export interface Subject {
  readonly name: string;
  readonly database: Database;
  readonly port: number;
  readonly pid: number;
  readonly wire: Wire;
  /** The live tokens; the load moves them on. */
  tokens: readonly string[];
  /** What it keeps on disk and how many rows, all tables together. */
  measureStorage(): Promise<Storage>;
  stop(): Promise<void>;
}

export type Database = "SQLite" | "PostgreSQL" | "nothing";

export interface Storage {
  readonly bytes: number;
  readonly rows: number;
}
