import { closeSync, existsSync, ftruncateSync, openSync, readFileSync } from "node:fs";

/**
 * A power cut, as SQLite's write-ahead log would show it: with `synchronous = NORMAL` the last commits were never forced to
 * the disk, and the end of the log is gone. https://sqlite.org/fileformat2.html#walformat
 */
export interface LogPosition {
  /** Names this run of the log: it changes when the log begins anew. */
  readonly salt: string;
  readonly frames: number;
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** Once the log has as many frames, SQLite copies them to the database, and cuts before that cannot happen any more. */
const CHECKPOINT_FRAMES = 1_000;

export function readLogPosition(databasePath: string): LogPosition {
  const path = `${databasePath}-wal`;
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  if (bytes.length < HEADER_BYTES) return { salt: "", frames: 0 };
  const salt = bytes.toString("hex", 16, 24);
  const frameBytes = FRAME_HEADER_BYTES + bytes.readUInt32BE(8);
  let frames = 0;
  for (let at = HEADER_BYTES; at + frameBytes <= bytes.length; at += frameBytes) {
    if (bytes.toString("hex", at + 8, at + 16) !== salt) break;
    frames += 1;
  }
  return { salt, frames };
}

/**
 * Cuts the log of a database that nobody has open: it keeps what it held at `safe`, and a part of what came since. Answers how many
 * frames are gone; none where such a cut could not have happened.
 */
export function cutLog(databasePath: string, safe: LogPosition, keptShare: number): number {
  const now = readLogPosition(databasePath);
  if (now.frames >= CHECKPOINT_FRAMES) return 0;
  const floor = now.salt === safe.salt ? safe.frames : 0;
  const kept = floor + Math.floor((now.frames - floor) * keptShare);
  if (kept >= now.frames) return 0;
  const path = `${databasePath}-wal`;
  const file = openSync(path, "r+");
  try {
    const pageBytes = readFileSync(path).readUInt32BE(8);
    ftruncateSync(file, HEADER_BYTES + kept * (FRAME_HEADER_BYTES + pageBytes));
  } finally {
    closeSync(file);
  }
  return now.frames - kept;
}
