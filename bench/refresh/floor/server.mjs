// What no server can do without, on this machine: bare node:http that answers as many bytes as Latchkey does, and, where it is
// told to, makes one ES256 signature and changes one row of a SQLite table for each answer. It checks nothing.
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    sign: { type: "boolean", default: false },
    database: { type: "string" },
  },
});

const ROWS = 1_024;
const HEADERS = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  Pragma: "no-cache",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Origin-Agent-Cluster": "?1",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-DNS-Prefetch-Control": "off",
  "X-Download-Options": "noopen",
  "X-Frame-Options": "SAMEORIGIN",
  "X-Permitted-Cross-Domain-Policies": "none",
  "X-XSS-Protection": "0",
  "Access-Control-Allow-Credentials": "true",
  "Access-Control-Expose-Headers": "WWW-Authenticate,Retry-After",
  Vary: "Origin",
};

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const signed = Buffer.alloc(600, "a");
const placeholder = "a".repeat(86);
const makeSignature = () => (flags.sign ? sign("sha256", signed, privateKey).toString("base64url") : placeholder);

const changeRow = flags.database === undefined ? async () => undefined : prepareChange(flags.database);
let answered = 0;

createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", async () => {
    if (chunks.length === 0) return response.end();
    const { refresh_token: token } = JSON.parse(Buffer.concat(chunks).toString());
    answered += 1;
    await changeRow(answered % ROWS);
    const number = String(answered).padStart(10, "0");
    const body = JSON.stringify({
      access_token: `${"a".repeat(592)}.${makeSignature()}`,
      token_type: "Bearer",
      expires_in: 600,
      scope: "",
      session_id: "a".repeat(22),
      user: {
        id: "a".repeat(22),
        email: "a".repeat(48),
        name: null,
        email_verified: false,
        roles: [],
        created_at: "2026-01-01T00:00:00.000Z",
      },
      refresh_token: `${token.slice(0, -10)}${number}`,
      refresh_token_timeout: 604_800,
      authorization_expires_in: 2_592_000,
    });
    response.writeHead(200, { ...HEADERS, "Content-Length": Buffer.byteLength(body) }).end(body);
  });
}).listen(Number(flags.port), "127.0.0.1");

/** Changes rows as large as a session's, those of one turn in one transaction. */
function prepareChange(path) {
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 4000;
    CREATE TABLE session (id TEXT PRIMARY KEY, content TEXT NOT NULL, hash TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `);
  const insert = database.prepare("INSERT INTO session VALUES (?, ?, '')");
  for (let n = 0; n < ROWS; n++) insert.run(`${n}`, "a".repeat(800));
  const update = database.prepare("UPDATE session SET hash = ? WHERE id = ?");
  let waiting = [];
  const commit = () => {
    const batch = waiting;
    waiting = [];
    database.exec("BEGIN IMMEDIATE");
    for (const { row } of batch) update.run(placeholder.slice(0, 43), `${row}`);
    database.exec("COMMIT");
    for (const { resolve } of batch) resolve();
  };
  return (row) =>
    new Promise((resolve) => {
      if (waiting.length === 0) setImmediate(commit);
      waiting.push({ row, resolve });
    });
}
