import type { NodeOptions, ServeProcess } from "./serve-process.ts";
import type { SessionMaker } from "./session-maker.ts";

/** A store that any number of server processes work on. */
export interface SharedStore {
  /** For people, for example `PostgreSQL`. */
  readonly name: string;
  startNode(options: NodeOptions & { readonly port: number; readonly issuer: string }): Promise<ServeProcess>;
  createMaker(issuer: string): Promise<SessionMaker>;
  /** The process that keeps the sessions, where that is not the server itself. */
  readonly database?: CrashableDatabase;
  /** The file that keeps them, where the server itself does. */
  readonly databasePath?: string;
  /** Removes it, once its nodes have stopped. */
  close(): Promise<void>;
}

export interface CrashableDatabase {
  /** `SIGKILL`: what its process had not yet handed to the operating system is gone. */
  crash(): Promise<void>;
  /** Starts it again, on what is left. */
  restart(): Promise<void>;
}
