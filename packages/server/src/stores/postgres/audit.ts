import { hash } from "node:crypto";

import type { AuditRow, AuditStore } from "../../ports/audit-store.ts";
import { auditSearch } from "../audit-search.ts";
import type { Database, Row, Value } from "./database.ts";
import { fromNullableText, toNullableText, toText } from "./text.ts";

const STATE = {
  name: "latchkey-audit-state",
  text: `
    SELECT log_id, base_number, base_hash, head_number, head_hash, source_sequence, source_fingerprint
      FROM latchkey.audit_state`,
};

// Not flushed: what a crash forgets of the log is made again from the outbox, which is.
const APPEND = {
  name: "latchkey-append-audit",
  text: `
    WITH moved AS (
      UPDATE latchkey.audit_state
         SET head_number = $3, head_hash = $4, source_sequence = $5, source_fingerprint = $6
       WHERE head_number = $1 AND head_hash = $2 AND set_config('synchronous_commit', 'off', true) = 'off'
      RETURNING 1
    ),
    written AS (
      INSERT INTO latchkey.audit_entry (number, at, type, user_id, session_id, ip, content, hash)
      SELECT entry.* FROM moved, unnest($7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[],
                                        $13::text[], $14::text[]) AS entry
    )
    SELECT FROM moved`,
};

// One statement sees one snapshot, so what it removes is what the base is moved past.
const REMOVE = {
  name: "latchkey-remove-audit",
  text: `
    WITH oldest AS MATERIALIZED (
      SELECT number, hash FROM latchkey.audit_entry WHERE number <= $1 ORDER BY number LIMIT $2
    ),
    removed AS (DELETE FROM latchkey.audit_entry USING oldest WHERE audit_entry.number = oldest.number RETURNING 1),
    base AS (SELECT number, hash FROM oldest ORDER BY number DESC LIMIT 1),
    forgotten AS (DELETE FROM latchkey.audit_checkpoint USING base WHERE audit_checkpoint.number < base.number),
    moved AS (UPDATE latchkey.audit_state SET base_number = base.number, base_hash = base.hash FROM base)
    SELECT count(*) AS count FROM removed`,
};

const PUT_CHECKPOINT = {
  name: "latchkey-put-audit-checkpoint",
  text: `
    INSERT INTO latchkey.audit_checkpoint (number, jws) VALUES ($1, $2)
    ON CONFLICT (number) DO UPDATE SET jws = excluded.jws`,
};

const LIST_CHECKPOINTS = {
  name: "latchkey-list-audit-checkpoints",
  text: "SELECT number, jws FROM latchkey.audit_checkpoint ORDER BY number",
};

export function createAuditStore(database: Database): AuditStore {
  return {
    async readState() {
      const { rows } = await database.run(STATE, []);
      const row = rows[0] ?? {};
      return {
        logId: String(row["log_id"]),
        base: { number: Number(row["base_number"]), hash: String(row["base_hash"]) },
        head: { number: Number(row["head_number"]), hash: String(row["head_hash"]) },
        source: { sequence: Number(row["source_sequence"]), fingerprint: String(row["source_fingerprint"]) },
      };
    },

    async append(head, rows, source) {
      const last = rows.at(-1) ?? head;
      const column = (read: (row: AuditRow) => Value): readonly Value[] => rows.map(read);
      const { rowCount } = await database.run(APPEND, [
        head.number,
        head.hash,
        last.number,
        last.hash,
        source.sequence,
        source.fingerprint,
        column((row) => row.number),
        column((row) => row.at),
        column((row) => row.type),
        column((row) => toNullableText(row.userId)),
        column((row) => toNullableText(row.sessionId)),
        column((row) => toNullableText(row.ip)),
        column((row) => row.content),
        column((row) => row.hash),
      ]);
      return rowCount === 1;
    },

    async listEntries(query) {
      const values: Value[] = [];
      const text = auditSearch(
        query,
        "latchkey.audit_entry",
        (value) => `$${values.push(typeof value === "string" ? toText(value) : value)}`,
      );
      // One prepared statement for each kind of question.
      const name = `latchkey-list-audit-${hash("sha256", text, "hex").slice(0, 16)}`;
      return (await database.run({ name, text }, values)).rows.map(rowOf);
    },

    async removeEntries(through, limit) {
      return Number((await database.run(REMOVE, [through, limit])).rows[0]?.["count"]);
    },

    async putCheckpoint({ number, jws }) {
      await database.run(PUT_CHECKPOINT, [number, jws]);
    },

    async listCheckpoints() {
      const { rows } = await database.run(LIST_CHECKPOINTS, []);
      return rows.map((row) => ({ number: Number(row["number"]), jws: String(row["jws"]) }));
    },
  };
}

function rowOf(row: Row): AuditRow {
  return {
    number: Number(row["number"]),
    at: Number(row["at"]),
    type: String(row["type"]),
    userId: fromNullableText(row["user_id"]),
    sessionId: fromNullableText(row["session_id"]),
    ip: fromNullableText(row["ip"]),
    content: String(row["content"]),
    hash: String(row["hash"]),
  };
}
