/**
 * How V8 collects what requests leave behind, each of which lives a few milliseconds. Left alone, the young generation grows
 * to 64 MiB a half under load. Cut to 4, half of what is under way outlives a collection, and grows old with it. And a few MiB are
 * collected sooner by one thread than shared out among four: refreshes take an eighth less processor time.
 */
const MAX_SEMI_SPACE_MIB = 8;
const V8_FLAGS = [`--max-semi-space-size=${MAX_SEMI_SPACE_MIB}`, "--no-parallel-scavenge"];

/**
 * Begins this process anew, in place, with these flags: V8 takes them at its start alone. Nothing happens where a bound has been
 * set already, where a parent process holds a channel to this one, and on Windows, which cannot replace a process.
 */
export function boundYoungGeneration(): void {
  const { execPath, execArgv, argv, env } = process;
  const given = `${execArgv.join(" ")} ${env["NODE_OPTIONS"] ?? ""}`;
  if (process.execve === undefined || process.send !== undefined || /max[-_]semi[-_]space[-_]size/.test(given)) return;
  process.execve(execPath, [execPath, ...V8_FLAGS, ...execArgv, ...argv.slice(1)], env);
}
