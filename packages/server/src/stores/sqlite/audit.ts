import type { SQLInputValue, SQLOutputValue } from "node:sqlite";

import type { AuditQuery, AuditRow, AuditStore } from "../../ports/audit-store.ts";
import { auditSearch } from "../audit-search.ts";
import type { SqliteConnections } from "./connection.ts";
import { transaction } from "./connection.ts";

/** On the relaxed connection: what a power cut forgets of the log is made again from the outbox. */
export function createAuditStore({ durable, relaxed }: SqliteConnections): AuditStore {
  const selectState = relaxed.prepare("SELECT * FROM audit_state");
  const moveHead = relaxed.prepare(`
    UPDATE audit_state SET head_number = ?, head_hash = ?, source_sequence = ?, source_fingerprint = ?
     WHERE head_number = ? AND head_hash = ?`);
  const insert = relaxed.prepare(`
    INSERT INTO audit_entry (number, at, type, user_id, session_id, ip, content, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
  const selectLastOf = durable.prepare(`
    SELECT number, hash FROM (SELECT number, hash FROM audit_entry WHERE number <= ? ORDER BY number LIMIT ?)
     ORDER BY number DESC LIMIT 1`);
  const remove = durable.prepare("DELETE FROM audit_entry WHERE number <= ?");
  const removeCheckpoints = durable.prepare("DELETE FROM audit_checkpoint WHERE number < ?");
  const moveBase = durable.prepare("UPDATE audit_state SET base_number = ?, base_hash = ?");
  const insertCheckpoint = durable.prepare("INSERT OR REPLACE INTO audit_checkpoint (number, jws) VALUES (?, ?)");
  const selectCheckpoints = relaxed.prepare("SELECT number, jws FROM audit_checkpoint ORDER BY number");

  return {
    async readState() {
      const row = selectState.get() ?? {};
      return {
        logId: String(row["log_id"]),
        base: { number: Number(row["base_number"]), hash: String(row["base_hash"]) },
        head: { number: Number(row["head_number"]), hash: String(row["head_hash"]) },
        source: { sequence: Number(row["source_sequence"]), fingerprint: String(row["source_fingerprint"]) },
      };
    },

    async append(head, rows, source) {
      const last = rows.at(-1) ?? head;
      return transaction(relaxed, () => {
        const values = [last.number, last.hash, source.sequence, source.fingerprint, head.number, head.hash];
        if (moveHead.run(...values).changes !== 1) return false;
        for (const { number, at, type, userId, sessionId, ip, content, hash } of rows) {
          insert.run(number, at, type, userId, sessionId, ip, content, hash);
        }
        return true;
      });
    },

    async listEntries(query: AuditQuery) {
      const values: SQLInputValue[] = [];
      const sql = auditSearch(query, "audit_entry", (value) => {
        values.push(value);
        return "?";
      });
      return relaxed
        .prepare(sql)
        .all(...values)
        .map(rowOf);
    },

    async removeEntries(through, limit) {
      return transaction(durable, () => {
        const last = selectLastOf.get(through, limit);
        if (last === undefined) return 0;
        moveBase.run(Number(last["number"]), String(last["hash"]));
        removeCheckpoints.run(Number(last["number"]));
        return Number(remove.run(Number(last["number"])).changes);
      });
    },

    async putCheckpoint({ number, jws }) {
      insertCheckpoint.run(number, jws);
    },

    async listCheckpoints() {
      return selectCheckpoints.all().map((row) => ({ number: Number(row["number"]), jws: String(row["jws"]) }));
    },
  };
}

function rowOf(row: Record<string, SQLOutputValue>): AuditRow {
  const text = (column: string): string | null => (row[column] === null ? null : String(row[column]));
  return {
    number: Number(row["number"]),
    at: Number(row["at"]),
    type: String(row["type"]),
    userId: text("user_id"),
    sessionId: text("session_id"),
    ip: text("ip"),
    content: String(row["content"]),
    hash: String(row["hash"]),
  };
}
