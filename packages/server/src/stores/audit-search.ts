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
    types === undefined ? [] : ofTypes(types.map(bind)),
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

/** Of one type they are found by the index; of several that would have to be sorted for each page, so the log is read. */
function ofTypes(types: readonly string[]): string {
  if (types.length === 0) return "1 = 0";
  return types.length === 1 ? `type = ${types[0]}` : `coalesce(type, '') IN (${types.join(", ")})`;
}
