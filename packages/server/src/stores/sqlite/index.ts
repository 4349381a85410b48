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
import type { Pace } from "./turn-batch.ts";
import { createTurnBatch } from "./turn-batch.ts";
import { createStatusPlaceStore } from "./status-places.ts";

/**
 * What a sign-in leaves behind, a failed one too. A flood of them waits for its passwords anyway; whoever refreshes must not
 * wait for the disk with each of them.
 */
const SIGN_IN_PACE: Pace = { maxShare: 0.1, maxPauseMs: 100 };

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
  const signIns = createTurnBatch(connections.durable, transaction, SIGN_IN_PACE);
  const reads = createTurnBatch(connections.relaxed, snapshot);
  const findSessionWithUser = prepareFindSessionWithUser(connections.relaxed);
  return {
    accounts: createAccountStore(connections),
    apiTokens: createApiTokenStore(connections),
    sessions: createSessionStore(connections, { rotations, signIns }),
    keys: createKeyStore(connections),
    statusPlaces: createStatusPlaceStore(connections),
    events: createEventLog(connections, signIns),
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
      signIns.flush();
      connections.relaxed.close();
      connections.durable.close();
    },
  };
}
