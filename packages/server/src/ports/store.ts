import type { Session } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import type { AccountStore } from "./account-store.ts";
import type { AuditStore } from "./audit-store.ts";
import type { ConsumerStore } from "./consumer-store.ts";
import type { ApiTokenStore } from "./api-token-store.ts";
import type { EventLog } from "./event-log.ts";
import type { KeyStore } from "./key-store.ts";
import type { OneTimeStore } from "./one-time-store.ts";
import type { SessionStore } from "./session-store.ts";
import type { StatusPlaceStore } from "./status-place-store.ts";

/** What can live apart from accounts and keys: sessions, the log that their events are appended to, and one-time uses. */
export interface SessionBackend {
  readonly sessions: SessionStore;
  readonly events: EventLog;
  readonly oneTime: OneTimeStore;
  /** Rejects where the store cannot answer. */
  checkHealth(): Promise<void>;
  close(): Promise<void>;
}

/** All that the authority keeps. */
export interface Store extends SessionBackend {
  readonly accounts: AccountStore;
  readonly apiTokens: ApiTokenStore;
  readonly keys: KeyStore;
  readonly statusPlaces: StatusPlaceStore;
  readonly audit: AuditStore;
  readonly consumers: ConsumerStore;

  /** A session together with the user it is of, in one step where one database holds both. Every refresh begins here. */
  findSessionWithUser(sessionId: string): Promise<SessionWithUser | undefined>;
}

export interface SessionWithUser {
  readonly session: Session;
  /** `undefined` where the account is gone. */
  readonly user: User | undefined;
}
