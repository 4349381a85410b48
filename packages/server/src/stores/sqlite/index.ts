import type { Store } from "../../ports/store.ts";
import { createAccountStore } from "./accounts.ts";
import { createApiTokenStore } from "./api-tokens.ts";
import { createAuditStore } from "./audit.ts";
import { openConnections, prepareWriteProbe, snapshot, transaction } from "./connection.ts";
import { createConsumerStore } from "./consumers.ts";
import { createEventLog } from "./events.ts";
import { createKeyStore } from "./keys.ts";
import { createOneTimeStore } from "./one-time.ts";
import { prepareFindSessionWithUser } from "./session-with-user.ts";
import { createSessionStore } from "./sessions.ts";
import { createTurnBatch } from "./turn-batch.ts";
import { createStatusPlaceStore } from "./status-places.ts";

/**
 * Everything in one SQLite file (WAL), made on first use; several processes on one machine may share it.
 *
 * @param options.path the database file; its folder must exist
 * @throws ConfigurationError where the file holds a newer schema
 */
export function createSqliteStore(options: { readonly path: string }): Store {
  const connections = openConnections(options.path);
  const health = prepareWriteProbe(connections.relaxed);
  const rotations = createTurnBatch(connections.relaxed, transaction);
  const uses = createTurnBatch(connections.durable, transaction);
  const reads = createTurnBatch(connections.relaxed, snapshot);
  const findSessionWithUser = prepareFindSessionWithUser(connections.relaxed);
  return {
    accounts: createAccountStore(connections),
    apiTokens: createApiTokenStore(connections),
    sessions: createSessionStore(connections, rotations),
    keys: createKeyStore(connections),
    statusPlaces: createStatusPlaceStore(connections),
    events: createEventLog(connections),
    audit: createAuditStore(connections),
    consumers: createConsumerStore(connections),
    findSessionWithUser: (sessionId) => reads.add(() => findSessionWithUser(sessionId)),
    oneTime: createOneTimeStore(connections, uses),
    async checkHealth() {
      health();
    },
    async close() {
      if (!connections.relaxed.isOpen) return;
      reads.flush();
      rotations.flush();
      uses.flush();
      connections.relaxed.close();
      connections.durable.close();
    },
  };
}
