// `npm start`: the demo — an authority, an API that it protects, and a page to try both.
//
// package.json says `exec` so that the signals npm passes on reach this process and not a shell that dies without a word;
// where the shell knows no `exec` (Windows) the second half of the line runs.
import { findNode, installDependencies, runForeground, SOURCE_FLAGS } from "./toolchain.mjs";

installDependencies();
runForeground(findNode(), [...SOURCE_FLAGS, "examples/demo/start.ts", ...process.argv.slice(2)]);
