// `npm run check`: everything that can be said of the code without running it.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { installDependencies, ROOT, toolEnvironment } from "./toolchain.mjs";

const STEPS = [
  { name: "format", commands: [["oxfmt", "--check"]], mend: "npm run format" },
  // First, since the linter reads the types of packages from what they were built to.
  {
    name: "build of the packages",
    commands: [
      ["node", "scripts/clean.mjs"],
      ["tsc", "-b", "tsconfig.build.json"],
    ],
  },
  { name: "lint and layer rules", commands: [["oxlint", "--type-aware", "--deny-warnings"]], mend: "npm run lint:fix" },
  {
    name: "types of tests, examples, programs and the documents' code",
    commands: [
      ["node", "scripts/extract-snippets.mjs"],
      ["tsc", "-p", "tsconfig.json"],
    ],
  },
  { name: "dependencies and exports", commands: [["knip", "--no-progress"]] },
];

/** Runs every step, prints what fails, and answers how many passed and failed. */
export function check() {
  const env = toolEnvironment();
  let failed = 0;
  for (const step of STEPS) {
    const started = Date.now();
    const runs = step.commands.map(([command, ...args]) =>
      spawnSync(command, args, { cwd: ROOT, env, encoding: "utf8", shell: process.platform === "win32" }),
    );
    const ok = runs.every((run) => run.status === 0);
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    process.stdout.write(`${ok ? "✓" : "✗"} ${step.name} (${seconds} s)\n`);
    if (ok) continue;
    failed += 1;
    for (const run of runs) process.stdout.write(`${run.stdout ?? ""}${run.stderr ?? ""}${run.error ?? ""}`);
    if (step.mend !== undefined) process.stdout.write(`  mend it with: ${step.mend}\n`);
  }
  return { passed: STEPS.length - failed, failed };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  installDependencies();
  process.exitCode = check().failed === 0 ? 0 : 1;
}
