// `npm test`: the checks, then every test, then one line that sums them up.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { check } from "./check.mjs";
import { ensureChromium } from "./chromium.mjs";
import { ensureKeyring } from "./keyring.mjs";
import { ensureRedis } from "./redis.mjs";
import { findNode, installDependencies, ROOT, toolEnvironment } from "./toolchain.mjs";

installDependencies();
const chromium = ensureChromium();
ensureKeyring();
ensureRedis();
const checks = check();

const folder = mkdtempSync(join(tmpdir(), "latchkey-test-"));
const report = join(folder, "vitest.json");
const vitest = spawnSync(
  findNode(),
  [
    join(ROOT, "node_modules/vitest/vitest.mjs"),
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ],
  {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...toolEnvironment(), ...(chromium !== undefined && { CHROMIUM_PATH: chromium }) },
  },
);

const tests = readReport();
rmSync(folder, { recursive: true, force: true });
const passed = checks.passed + tests.passed;
const failed = checks.failed + tests.failed;
const skipped = tests.skipped > 0 ? `, ${tests.skipped} skipped` : "";
process.stdout.write(`\n${passed} passed, ${failed} failed${skipped}\n`);
process.exitCode = failed === 0 && vitest.status === 0 ? 0 : 1;

function readReport() {
  try {
    const result = JSON.parse(readFileSync(report, "utf8"));
    // A file that could not even be loaded holds no failed test, and must count all the same.
    const brokenFiles = result.testResults.filter(
      (file) => file.status === "failed" && file.assertionResults.length === 0,
    );
    return {
      passed: result.numPassedTests,
      failed: result.numFailedTests + brokenFiles.length,
      skipped: result.numPendingTests + result.numTodoTests,
    };
  } catch (error) {
    process.stderr.write(`the test runner left no report: ${error.message}\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
