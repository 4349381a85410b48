import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { rolldown } from "rolldown";
import { expect, test } from "vitest";

const ENTRY_LIMIT_BYTES = 6_000;
const BINDING_LIMIT_BYTES = 3_000;

test(`a page that signs in and out ships at most ${ENTRY_LIMIT_BYTES} bytes (minified, gzip), and ${BINDING_LIMIT_BYTES} later`, async () => {
  const entry = "virtual:page";
  const client = fileURLToPath(new URL("../src/index.ts", import.meta.url));
  const bundle = await rolldown({
    input: entry,
    platform: "browser",
    resolve: { conditionNames: ["@latchkey/source", "import", "default"] },
    plugins: [
      {
        name: "page",
        resolveId: (id) => (id === entry ? id : null),
        load: (id) => (id === entry ? `export { createClient, ClientError } from ${JSON.stringify(client)};` : null),
      },
    ],
  });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  const sizes = output.map((file) => {
    if (file.type !== "chunk") throw new Error(`${file.fileName} is no script`);
    const bytes = gzipSync(file.code, { level: 9 }).byteLength;
    process.stdout.write(
      `@latchkey/client ${file.fileName}: ${file.code.length} bytes minified, ${bytes} bytes gzip\n`,
    );
    return bytes;
  });
  expect(output.map((file) => file.type === "chunk" && file.isDynamicEntry)).toEqual([false, true]);
  expect(sizes[0]).toBeLessThanOrEqual(ENTRY_LIMIT_BYTES);
  expect(sizes[1]).toBeLessThanOrEqual(BINDING_LIMIT_BYTES);
});
