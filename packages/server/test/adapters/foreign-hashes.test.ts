import { createHash, hash as digest } from "node:crypto";

import { hash as bcrypt } from "@node-rs/bcrypt";
import { hash as argon2 } from "@node-rs/argon2";
import { describe, expect, it } from "vitest";

import { createArgon2Hasher, isPasswordHash } from "../../src/index.ts";
import { FOREIGN_HASHES } from "../foreign-hashes.ts";

const hasher = createArgon2Hasher();
const [salt, key] = ["c29tZXNhbHRzb21lc2FsdA", "A".repeat(43)];

describe("password hashes from elsewhere", () => {
  it.each(FOREIGN_HASHES)(
    "$kind, of $by: the password is right, no other is, and the hash is outdated",
    async (one) => {
      expect(isPasswordHash(one.hash)).toBe(true);
      expect(await hasher.verify(one.password, one.hash)).toBe(true);
      expect(await hasher.verify(`${one.password} `, one.hash)).toBe(false);
      expect(await hasher.verify("", one.hash)).toBe(false);
      expect(hasher.needsRehash?.(one.hash)).toBe(true);
    },
  );

  it("PW-01: a bcrypt hash covers 72 bytes of a password; Django's second form, and what it is replaced by, all", async () => {
    const long = `${"x".repeat(72)} and the rest`;
    const alone = await bcrypt(long, { cost: 4 });
    expect(await hasher.verify("x".repeat(72), alone)).toBe(true);
    const django = `bcrypt_sha256$${await bcrypt(createHash("sha256").update(long).digest("hex"), { cost: 4 })}`;
    expect(await hasher.verify("x".repeat(72), django)).toBe(false);
    expect(await hasher.verify(long, django)).toBe(true);
    const own = await hasher.hash(long);
    expect(await hasher.verify("x".repeat(72), own)).toBe(false);
    expect(await hasher.verify(long, own)).toBe(true);
  });

  it("an Argon2id hash of other costs or another length is right, and outdated; one of these costs is not", async () => {
    for (const options of [{ memoryCost: 8_192, timeCost: 3 }, { outputLen: 16 }, { outputLen: 64 }]) {
      const text = await argon2("a password", { memoryCost: 19_456, timeCost: 2, parallelism: 1, ...options });
      expect(await hasher.verify("a password", text)).toBe(true);
      expect(await hasher.verify("another", text)).toBe(false);
      expect(hasher.needsRehash?.(text)).toBe(true);
    }
    expect(hasher.needsRehash?.(await hasher.hash("a password"))).toBe(false);
  });

  it.each([
    ["4 GiB of Argon2id", `$argon2id$v=19$m=4194304,t=1,p=1$${salt}$${key}`],
    ["999 passes of Argon2id", `$argon2id$v=19$m=19456,t=999,p=1$${salt}$${key}`],
    ["less memory than Argon2id can work with", `$argon2id$v=19$m=7,t=1,p=1$${salt}$${key}`],
    ["a tag of one byte", `$argon2id$v=19$m=19456,t=2,p=1$${salt}$AA`],
    ["Argon2i, whose tag this would not be", `$argon2i$v=19$m=19456,t=2,p=1$${salt}$${key}`],
    ["2^31 rounds of bcrypt", `$2b$31$${"a".repeat(53)}`],
    ["2^15 rounds of bcrypt", `$2b$15$${"a".repeat(53)}`],
    ["the bcrypt that was wrong", `$2x$10$${"a".repeat(53)}`],
    ["2 GiB of scrypt", `$scrypt$ln=21,r=8,p=1$${salt}$${key}`],
    ["a thousand times scrypt", `$scrypt$ln=17,r=8,p=1000$${salt}$${key}`],
    ["Werkzeug's scrypt with N = 2^25", `scrypt:33554432:8:1$salt$${"00".repeat(64)}`],
    ["Django's scrypt with an N that is no power of two", `scrypt$16385$salt$8$1$${key}=`],
    ["Firebase's with 2^24", `$fbscrypt$v=1,n=24,r=8,p=1,ss=Bw==,sk=${key}=$${salt}==$${key}=`],
    ["ten million iterations", `$pbkdf2-sha256$10000000$${salt}$${key}`],
    ["a PBKDF2 key of 64 KiB", `$pbkdf2-sha256$1000$${salt}$${"A".repeat(900)}`],
    ["no iterations", `pbkdf2_sha256$0$salt$${key}=`],
    ["an empty key", "pbkdf2:sha256:1000$salt$"],
    [
      "ASP.NET's with four thousand million",
      Buffer.from(`0100000001ffffffff00000010${"00".repeat(48)}`, "hex").toString("base64"),
    ],
    [
      "ASP.NET's with a salt past its end",
      Buffer.from(`01000000010000271000ffffff${"00".repeat(48)}`, "hex").toString("base64"),
    ],
    [
      "ASP.NET's with a digest of its own",
      Buffer.from(`01000000090000271000000010${"00".repeat(48)}`, "hex").toString("base64"),
    ],
    ["the password itself", "correct horse battery staple"],
    ["an MD5 sum", digest("md5", "a password", "hex")],
    ["nothing", ""],
    ["a megabyte", "A".repeat(1_000_000)],
  ])("PW-03: refuses %s, at once, and never computes it", async (_what, text) => {
    const started = performance.now();
    expect(isPasswordHash(text)).toBe(false);
    await expect(hasher.verify("a password", text)).rejects.toThrow("of no kind that can be checked");
    expect(performance.now() - started).toBeLessThan(200);
  });

  it("OP-04: are checked in the queue that everything else waits in", async () => {
    const narrow = createArgon2Hasher({ concurrency: 1, maxWaiting: 2 });
    const hash = await bcrypt("a password", { cost: 8 });
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => narrow.verify("a password", hash)));
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: "unavailable" });
  });
});
