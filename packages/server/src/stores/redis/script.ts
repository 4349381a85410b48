import { createHash } from "node:crypto";

/** A Lua script: one verb, one atomic step. Redis runs it to its end before it looks at anybody else's command. */
export interface Script {
  readonly source: string;
  /** What EVALSHA calls it by. */
  readonly sha: string;
}

/**
 * Every script is given one key, the base of all key names, and makes the others of it: a session's user is known only
 * once the session has been read, so its keys cannot be listed beforehand. Redis Cluster finds them all the same, since the
 * base holds a hash tag and so all of them are in one slot.
 */
const BASE = "local base = KEYS[1]\n";

/** @param parts fragments of Lua, the last of which answers; the arguments are ARGV[1] and so on */
export function defineScript(...parts: readonly string[]): Script {
  const source = BASE + parts.join("\n");
  // Not for secrecy: SHA-1 is the name Redis gives a script.
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}
