import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { openMaxmindLocate } from "../../src/adapters/maxmind-locate.ts";

/** A database of one entry, for the upper half of all IPv4 addresses, in the format of MaxMind's specification 2.0. */
function databaseOf(entry: object): Buffer {
  const data = encode(entry);
  const [here, nothing] = [1 + 16, 1];
  const tree = Buffer.alloc(6);
  tree.writeUIntBE(nothing, 0, 3);
  tree.writeUIntBE(here, 3, 3);
  const metadata = encode({
    node_count: 1,
    record_size: 24,
    ip_version: 4,
    database_type: "Test-City",
    languages: [],
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_800_000_000,
    description: { en: "test" },
  });
  return Buffer.concat([tree, Buffer.alloc(16), data, Buffer.from("\xab\xcd\xefMaxMind.com", "latin1"), metadata]);
}

function encode(value: unknown): Buffer {
  if (typeof value === "string") return Buffer.concat([Buffer.from([(2 << 5) | value.length]), Buffer.from(value)]);
  if (typeof value === "number") {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([Buffer.from([(6 << 5) | 4]), bytes]);
  }
  // Types past 7 are extended: their number less 7 is in the byte that follows.
  if (Array.isArray(value)) return Buffer.concat([Buffer.from([value.length, 11 - 7]), ...value.map(encode)]);
  const entries = Object.entries(value as object);
  return Buffer.concat([Buffer.from([(7 << 5) | entries.length]), ...entries.flat().map(encode)]);
}

function write(content: Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-maxmind-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "test.mmdb");
  writeFileSync(path, content);
  return path;
}

describe("a MaxMind database", () => {
  test("says country and region of an address, and nothing of what else it holds", async () => {
    const locate = await openMaxmindLocate(
      write(
        databaseOf({
          city: { names: { en: "Berlin" } },
          country: { iso_code: "DE" },
          location: { latitude: 52, longitude: 13 },
          subdivisions: [{ iso_code: "BE" }],
        }),
      ),
    );
    expect(await locate("203.0.113.9")).toEqual({ country: "DE", region: "BE" });
    expect(await locate("10.0.0.1")).toBeUndefined();
    expect(await locate("not an address")).toBeUndefined();
  });

  test("of countries alone says the country", async () => {
    const locate = await openMaxmindLocate(write(databaseOf({ country: { iso_code: "JP" } })));
    expect(await locate("203.0.113.9")).toEqual({ country: "JP", region: undefined });
  });

  test("that cannot be read keeps the authority from starting, with the reason", async () => {
    await expect(openMaxmindLocate("/nowhere/geo.mmdb")).rejects.toThrow(
      "/nowhere/geo.mmdb: cannot be read as a MaxMind",
    );
    await expect(openMaxmindLocate(write(Buffer.from("no database")))).rejects.toThrow("cannot be read as a MaxMind");
  });
});
