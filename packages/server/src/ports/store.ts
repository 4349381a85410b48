import type { AccountStore } from "./account-store.ts";
import type { EventLog } from "./event-log.ts";
import type { KeyStore } from "./key-store.ts";
import type { SessionStore } from "./session-store.ts";

/** What can live apart from accounts and keys: sessions, and the log that their events are appended to. */
export interface SessionBackend {
  readonly sessions: SessionStore;
  readonly events: EventLog;
  /** Rejects where the store cannot answer. */
  checkHealth(): Promise<void>;
  close(): Promise<void>;
}

/** All that the authority keeps. */
export interface Store extends SessionBackend {
  readonly accounts: AccountStore;
  readonly keys: KeyStore;
}
