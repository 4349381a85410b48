import type { NodeOptions, ServeProcess } from "./serve-process.ts";
import type { SessionMaker } from "./session-maker.ts";

/** A store that any number of server processes work on. */
export interface SharedStore {
  readonly name: "SQLite" | "PostgreSQL";
  startNode(options: NodeOptions & { readonly port: number; readonly issuer: string }): Promise<ServeProcess>;
  createMaker(issuer: string): Promise<SessionMaker>;
  /** Removes it, once its nodes have stopped. */
  close(): Promise<void>;
}
