/** As `engines` in package.json says. */
const OLDEST_NODE = 24;

/** What is wrong with this version of Node.js, in a sentence, if it cannot run the authority. */
export function nodeProblem(version: string): string | undefined {
  return Number.parseInt(version, 10) >= OLDEST_NODE
    ? undefined
    : `Node.js ${OLDEST_NODE} or newer is needed; this is ${version}.`;
}
