import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "vitest";

const folder = process.env["LATCHKEY_VECTORS"] ?? fileURLToPath(new URL("../../../../shared/vectors", import.meta.url));

/**
 * Other people's test vectors live outside the repository. Where they are missing, the tests that need them report themselves as skipped, by
 * name; in CI they fail instead.
 */
export const vectorTest: typeof test =
  existsSync(folder) || process.env["CI"] === "true" ? test : (test.skip as typeof test);

export function readVectors<T>(path: string): T {
  return JSON.parse(readFileSync(join(folder, path), "utf8")) as T;
}
