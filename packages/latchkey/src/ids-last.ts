/** A name that was made at random, of a key or a token, and happens to begin with a dash. No option has digits or capitals. */
const DASHED_ID = /^-(?=.*[A-Z0-9])[\w-]{20,}$/;

/**
 * Arguments with such names behind `--`, where none is read as an option: one in 64 begins so, and a key that must be revoked at once
 * has to be found as it is listed.
 */
export function withIdsLast(args: readonly string[]): string[] {
  if (args.includes("--")) return [...args];
  // What follows an option is its value.
  const isId = (arg: string, index: number): boolean => DASHED_ID.test(arg) && !args[index - 1]?.startsWith("--");
  const ids = args.filter(isId);
  return ids.length === 0 ? [...args] : [...args.filter((arg, index) => !isId(arg, index)), "--", ...ids];
}
