#!/usr/bin/env node
import { nodeProblem } from "./node-problem.ts";
import { restartWithV8Flags } from "./v8-flags.ts";

// Before anything else is loaded: an older Node.js would stop at the first module that it does not have.
const problem = nodeProblem(process.versions.node);
if (problem === undefined) {
  // What is begun anew has nothing loaded yet: everything there is takes a third of a second.
  if (process.argv[2] === "serve") restartWithV8Flags();
  await import("./bin.ts");
} else {
  process.stderr.write(`latchkey: ${problem}\n`);
  process.exitCode = 1;
}
