import type { DatabaseSync } from "node:sqlite";

/** How often other connections' commits are looked for, in milliseconds. The look costs a microsecond and reads no table. */
const INTERVAL_MS = 50;

/** Calls the listener soon after another connection, of this process or another, has committed. */
export function watchCommits(database: DatabaseSync, listener: () => void): () => void {
  const select = database.prepare("PRAGMA data_version");
  const version = (): unknown => select.get()?.["data_version"];
  let seen = version();
  const timer = setInterval(() => {
    if (!database.isOpen) return clearInterval(timer);
    const current = version();
    if (current === seen) return;
    seen = current;
    listener();
  }, INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
