import { ConfigurationError, KeyServiceError } from "@latchkey/server";

import { describeError } from "./log-secrecy.ts";
import { withCommandLineNames } from "./option-names.ts";

/** What went wrong, in one sentence that says how to mend it; with the place in the code only where nobody foresaw it. */
export function failureSentence(error: unknown): string {
  if (error instanceof ConfigurationError) return withCommandLineNames(error.message);
  if (error instanceof KeyServiceError) return error.message;
  if (!(error instanceof Error)) return "something failed, and did not say what.";
  const sentence = sentenceOf(error);
  if (sentence !== undefined) return sentence;
  const { type, message, stack = [] } = describeError(error);
  return [`${type}: ${message}`, ...stack.map((line) => `    ${line}`)].join("\n");
}

interface SystemError extends Error {
  readonly code?: string;
  readonly syscall?: string;
  readonly path?: string;
  /** SQLite's own. */
  readonly errcode?: number;
}

function sentenceOf(error: SystemError): string | undefined {
  const { code = "", syscall, path } = error;
  if (error.name === "DeadlineError") return `${error.message} ${CHECK}`;
  if (code === "ERR_SQLITE_ERROR") return sqliteSentence(error.errcode ?? 0);
  if (syscall === "listen" || syscall === "bind") return LISTENING[code];
  if (path !== undefined && code in FILES) return `${path} ${FILES[code]}`;
  if (code in NETWORK) return `the database, Redis or the mail server cannot be reached (${code}). ${NETWORK[code]}`;
  return POSTGRES[code];
}

const LISTENING: Readonly<Record<string, string>> = {
  EADDRINUSE: "that port is taken. Choose another with --port or PORT.",
  EACCES: "that port needs rights that this process has not. Choose one above 1023 with --port or PORT.",
  EADDRNOTAVAIL: "this machine has no such address. Choose another with --host or HOST.",
  ENOTFOUND: "there is no host of that name. Choose an address with --host or HOST.",
};

const CHOOSE = "Choose another folder with --data or LATCHKEY_DATA, or mend this one.";

const FILES: Readonly<Record<string, string>> = {
  EACCES: `must not be read or written by this user. ${CHOOSE}`,
  EPERM: `must not be read or written by this user. ${CHOOSE}`,
  EROFS: `is on a file system that cannot be written. ${CHOOSE}`,
  ENOSPC: "cannot be written: the disk is full.",
  EDQUOT: "cannot be written: this user's share of the disk is full.",
  EEXIST: `is not a folder. ${CHOOSE}`,
  ENOTDIR: `is not in a folder. ${CHOOSE}`,
  ENOENT: `cannot be made. ${CHOOSE}`,
};

const CHECK = "Is it running, and is its URL right?";

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: CHECK,
  ECONNRESET: CHECK,
  EHOSTUNREACH: CHECK,
  ENOTFOUND: CHECK,
  ETIMEDOUT: CHECK,
};

const POSTGRES: Readonly<Record<string, string>> = {
  "28P01": "PostgreSQL refuses the user or the password in LATCHKEY_DATABASE_URL.",
  "28000": "PostgreSQL does not let that user in from here. See its pg_hba.conf.",
  "3D000": "PostgreSQL has no database of the name in LATCHKEY_DATABASE_URL.",
  "42501":
    "PostgreSQL does not let that user make or use the schema latchkey. Make it once: CREATE SCHEMA latchkey AUTHORIZATION that_user.",
};

/** By the primary result code: https://sqlite.org/rescode.html */
function sqliteSentence(code: number): string | undefined {
  switch (code & 0xff) {
    case 5:
      return "the database is locked by another process. Has somebody it open, with a transaction that was not ended?";
    case 8:
    case 14:
      return `latchkey.db cannot be opened for writing. ${CHOOSE}`;
    case 10:
    case 13:
      return "latchkey.db cannot be written: the disk is full, or broken.";
    case 11:
    case 26:
      return "latchkey.db is damaged, or no database. Restore it from a backup.";
    default:
      return undefined;
  }
}
