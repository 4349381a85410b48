// `tsc -b` never deletes stale output: a build begins by removing what the last one left.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { ROOT } from "./toolchain.mjs";

for (const name of readdirSync(join(ROOT, "packages"))) {
  rmSync(join(ROOT, "packages", name, "dist"), { recursive: true, force: true });
}
