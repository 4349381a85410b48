// Writes every fenced `ts` block of the documents to build/snippets/, where the type check finds it: an example in the
// README that does not compile is a failed check.
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ROOT } from "./toolchain.mjs";

const FOLDER = join(ROOT, "build", "snippets");
const DOCUMENTS = ["*.md", "docs/*.md", "packages/*/README.md"];

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
for (const document of DOCUMENTS.flatMap((pattern) => globSync(pattern, { cwd: ROOT }))) {
  const text = readFileSync(join(ROOT, document), "utf8");
  let number = 0;
  for (const [, code] of text.matchAll(/^```ts\n(.*?)^```$/gms)) {
    number += 1;
    const name = `${document.replaceAll(/[^A-Za-z0-9]+/g, "-")}-${number}.ts`;
    // A block without imports would be a script, whose names clash with every other's.
    writeFileSync(join(FOLDER, name), `// ${document}, block ${number}\n${code}\nexport {};\n`);
  }
}
