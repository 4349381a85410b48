import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { rolldown } from "rolldown";
import { expect, test } from "vitest";

const LIMIT_BYTES = 6_000;

test(`a page that signs in and out ships at most ${LIMIT_BYTES} bytes (minified, gzip)`, async () => {
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
  const bytes = gzipSync(output[0].code, { level: 9 }).byteLength;
  process.stdout.write(`@latchkey/client: ${output[0].code.length} bytes minified, ${bytes} bytes gzip\n`);
  expect(output).toHaveLength(1);
  expect(bytes).toBeLessThanOrEqual(LIMIT_BYTES);
});
