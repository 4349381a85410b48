import { verify } from "@node-rs/argon2";
import { describe, expect, it } from "vitest";

import { createArgon2Hasher } from "../../src/adapters/argon2-hasher.ts";
import { nodeArgon2id } from "../../src/adapters/derivations/pooled.ts";

describe("the password hasher", () => {
  it("PW-03: makes PHC strings of Argon2id with 19 MiB, two passes and one lane, each with its own salt", async () => {
    const hasher = createArgon2Hasher();
    const [one, two] = [await hasher.hash("a password"), await hasher.hash("a password")];
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(two).not.toBe(one);
  });

  it("accepts the password and no other", async () => {
    const hasher = createArgon2Hasher();
    const hash = await hasher.hash("a password");
    expect(await hasher.verify("a password", hash)).toBe(true);
    expect(await hasher.verify("a passworD", hash)).toBe(false);
    expect(await hasher.verifyNothing("a password")).toBe(false);
  });

  it("agrees with another implementation's reading of its strings", async () => {
    expect(await verify(await createArgon2Hasher().hash("a password"), "a password")).toBe(true);
  });

  it("computes with Node's own Argon2id what the binary computes", async () => {
    const hash = await createArgon2Hasher().hash("a password");
    const [, , , , salt = "", tag = ""] = hash.split("$");
    const own = await nodeArgon2id({
      password: "a password",
      salt: Buffer.from(salt, "base64"),
      tagBytes: 32,
      memoryKib: 19_456,
      passes: 2,
      parallelism: 1,
    });
    expect(Buffer.from(own).equals(Buffer.from(tag, "base64"))).toBe(true);
  });

  it("OP-04: refuses work past its bound at once, and finishes what it took", async () => {
    const hasher = createArgon2Hasher({ concurrency: 1, maxWaiting: 2 });
    const results = await Promise.allSettled(Array.from({ length: 8 }, async () => hasher.hash("a password")));
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    expect(results.length - refused.length).toBeGreaterThanOrEqual(3);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: "unavailable" });
  });
});
