#!/usr/bin/env node
import { nodeProblem } from "./node-problem.ts";

// Before anything else is loaded: an older Node.js would stop at the first module that it does not have.
const problem = nodeProblem(process.versions.node);
if (problem === undefined) {
  await import("./bin.ts");
} else {
  process.stderr.write(`latchkey: ${problem}\n`);
  process.exitCode = 1;
}
