import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { inspect } from "node:util";

import { describe, expect, it, onTestFinished } from "vitest";

import type { StoredKey } from "../../src/ports/key-store.ts";
import { createSqliteStore } from "../../src/index.ts";
import { openAccessKey } from "../../src/keys/access-key.ts";
import { createKeySealer } from "../../src/keys/master-secret.ts";
import { openRefreshKey } from "../../src/keys/refresh-key.ts";
import { parseOptions } from "../../src/options.ts";
import { ISSUER, MASTER_SECRET, startAuthority } from "../authority.ts";
import type { TestAuthority } from "../authority.ts";

const SHARED_SECRET = "a-secret-that-the-api-and-the-authority-share";
const sealer = createKeySealer(MASTER_SECRET);

async function storedKeys(authority: TestAuthority): Promise<readonly StoredKey[]> {
  const store = createSqliteStore({ path: authority.path });
  onTestFinished(() => store.close());
  return store.keys.listKeys();
}

/** Every private key and secret of the authority, in the forms in which it might be met. */
async function keyMaterial(keys: readonly StoredKey[]): Promise<readonly string[]> {
  const material = [Buffer.from(MASTER_SECRET), Buffer.from(SHARED_SECRET)];
  for (const { kid, purpose, alg, sealed } of keys) {
    const opened = Buffer.from(await sealer.open(sealed ?? "", { kid, purpose, alg }));
    if (purpose === "refresh-token") material.push(opened);
    else material.push(Buffer.from((JSON.parse(opened.toString()) as { d: string }).d, "base64url"));
  }
  return material.flatMap((bytes) => [
    ...(["base64url", "base64", "hex", "latin1"] as const).map((encoding) => bytes.toString(encoding)),
    // As inspect and JSON show bytes.
    inspect(bytes).replaceAll(/^<Buffer |( \.\.\.)?>$|( \.\.\. \d+ more bytes>)$/g, ""),
    [...bytes].join(","),
    [...bytes].join(", "),
  ]);
}

function shown(value: unknown): string {
  return [inspect(value, { depth: 20, showHidden: true }), JSON.stringify(value), String(value)].join("\n");
}

function expectNoneIn(text: string, material: readonly string[]): void {
  for (const secret of material) {
    expect(secret.length).toBeGreaterThan(20);
    expect(text.includes(secret)).toBe(false);
  }
}

describe("key material", () => {
  it("OP-01: is in no log, and in nothing that inspect, JSON or toString show of the authority and its keys", async () => {
    const authority = await startAuthority({
      audiences: [ISSUER, { audience: "https://api.example.com", alg: "HS256", sharedSecret: SHARED_SECRET }],
    });
    await authority.signedIn();
    await authority.server.rotateKeys();
    const keys = await storedKeys(authority);
    const material = await keyMaterial(keys);
    const opened = await Promise.all(
      keys.map((key) =>
        key.purpose === "access-token"
          ? openAccessKey({ sealer }, key)
          : openRefreshKey({ sealer, clock: () => 1_800_000_000 }, key),
      ),
    );
    const { audiences } = parseOptions({
      issuer: ISSUER,
      store: createSqliteStore({ path: authority.path }),
      masterSecret: MASTER_SECRET,
      audiences: [{ audience: ISSUER, alg: "HS256", sharedSecret: SHARED_SECRET }],
    });

    expectNoneIn(authority.logs.join("\n"), material);
    for (const value of [authority.server, sealer, audiences, ...opened, ...keys]) expectNoneIn(shown(value), material);
    expectNoneIn(JSON.stringify(await authority.server.listKeys()), material);
    expectNoneIn(readFileSync(authority.path, "latin1"), material);
    expectNoneIn(JSON.stringify((await authority.call("GET", "/.well-known/jwks.json")).body), material);
  });

  it("is in no error, though the key cannot be read: moved to another name, changed, cut short, or no key at all", async () => {
    const authority = await startAuthority();
    const keys = await storedKeys(authority);
    const material = await keyMaterial(keys);
    await authority.server.close();
    const database = new DatabaseSync(authority.path);
    onTestFinished(() => database.close());
    const write = (key: StoredKey, sealed: string): void => {
      database.prepare("UPDATE signing_key SET sealed = ? WHERE kid = ?").run(sealed, key.kid);
    };
    for (const key of keys) {
      const { kid, purpose, alg, sealed } = key;
      const opened = await sealer.open(sealed ?? "", { kid, purpose, alg });
      const another = keys.find((other) => other.kid !== kid && other.purpose === purpose)?.sealed ?? "";
      const at = (sealed?.length ?? 0) - 10;
      const flipped = `${sealed?.slice(0, at)}${sealed?.[at] === "A" ? "B" : "A"}${sealed?.slice(at + 1)}`;
      const half = await sealer.seal(opened.slice(0, opened.length - 5), { kid, purpose, alg });
      const text = await sealer.seal(Buffer.from(`{"kty":"EC","d":"${Buffer.from(opened).toString("hex")}"}`), key);
      for (const damaged of [another, `${sealed}`.slice(0, -4), flipped, "v1.x", half, text]) {
        write(key, damaged);
        const error: unknown = await authority.restart().catch((reason: unknown) => reason);
        expect(error).toMatchObject({
          name: "ConfigurationError",
          message: expect.stringContaining("Restore the database"),
        });
        expectNoneIn(shown(error), material);
      }
      write(key, sealed ?? "");
    }
    expectNoneIn((await authority.restart()).logs.join("\n"), material);
  });
});

describe("the authority does not start", () => {
  it.each([
    ["in 1970", 0, "The clock says 1970-01-01T00:00:00.000Z, which cannot be. Set the machine's clock"],
    ["in milliseconds", 1_800_000_000_000, "must answer seconds since 1970, not milliseconds"],
    ["in no time at all", Number.NaN, "The clock says NaN, which cannot be"],
  ])("with a clock %s", async (_when, now, message) => {
    await expect(startAuthority({ clock: () => now })).rejects.toThrow(message);
  });

  it("with a clock that is days behind the one its keys were made by", async () => {
    const authority = await startAuthority();
    const behind = authority.restart({ clock: () => 1_800_000_000 - 2 * 86_400 });
    await expect(behind).rejects.toThrow(
      /The clock says 2027-01-13T.* was made at 2027-01-15T.*: latchkey keys revoke /,
    );
  });
});
