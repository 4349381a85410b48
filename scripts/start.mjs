// `npm start`: the demo — an authority, an API that it protects, and a page to try both.
import { findNode, installDependencies, runForeground, SOURCE_FLAGS } from "./toolchain.mjs";

installDependencies();
runForeground(findNode(), [...SOURCE_FLAGS, "examples/demo/start.ts", ...process.argv.slice(2)]);
