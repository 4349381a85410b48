import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

import { defineConfig } from "vitest/config";

// Workspaces resolve to their sources, so tests run unbuilt; all else as Node.js does ("module" is for bundlers, and there are
// packages whose modules need one).
const conditions = ["@latchkey/source", "node", "default"];

// The programs that tests start are read from their sources; with this, what became of those is kept for the next that starts.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("node_modules/.cache/node-compile", import.meta.url));

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: [
      "packages/*/test/**/*.test.ts",
      "examples/*/test/**/*.test.ts",
      "e2e/**/*.test.ts",
      "proof/test/**/*.test.ts",
      "bench/test/**/*.test.ts",
    ],
    globalSetup: ["scripts/test-postgres.ts"],
    // Most tests wait for servers, clocks and browsers most of the time: one worker more than there are cores keeps those busy.
    maxWorkers: availableParallelism() + 1,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Much is done once a second, on a machine that does much else: waiting for it costs nothing where it comes sooner.
    expect: { poll: { timeout: 10_000 } },
  },
});
