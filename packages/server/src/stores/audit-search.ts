import type { AuditQuery } from "../ports/audit-store.ts";

/**
 * The statement that answers a query of the audit log, in the words that all SQL databases share.
 *
 * @param bind takes a value, and answers what stands for it in the statement
 */
export function auditSearch(query: AuditQuery, table: string, bind: (value: string | number) => string): string {
  const { userId, sessionId, ip, types, since, until, after, before, limit } = query;
  const conditions = [
    userId === undefined ? [] : `user_id = ${bind(userId)}`,
    sessionId === undefined ? [] : `session_id = ${bind(sessionId)}`,
    ip === undefined ? [] : `ip = ${bind(ip)}`,
    types === undefined ? [] : types.length === 0 ? "1 = 0" : `type IN (${types.map(bind).join(", ")})`,
    since === undefined ? [] : `at >= ${bind(since)}`,
    until === undefined ? [] : `at < ${bind(until)}`,
    after === undefined ? [] : `number > ${bind(after)}`,
    before === undefined ? [] : `number < ${bind(before)}`,
  ].flat();
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const order = before === undefined ? "number" : "number DESC";
  return `
    SELECT number, at, type, user_id, session_id, ip, content, hash FROM ${table} ${where}
     ORDER BY ${order} LIMIT ${bind(limit)}`;
}
