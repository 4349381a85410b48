import type { AccountStore } from "./account-store.ts";
import type { EventLog } from "./event-log.ts";
import type { KeyStore } from "./key-store.ts";
import type { SessionStore } from "./session-store.ts";

/** All that the authority keeps. */
export interface Store {
  readonly accounts: AccountStore;
  readonly sessions: SessionStore;
  readonly keys: KeyStore;
  readonly events: EventLog;
  /** Rejects where the store cannot answer. */
  checkHealth(): Promise<void>;
  close(): Promise<void>;
}
