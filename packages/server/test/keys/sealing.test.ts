import { createCipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import { inspect } from "node:util";

import { describe, expect, it } from "vitest";

import { ConfigurationError, createKeySealer, KeyServiceError, openKeySealer } from "../../src/index.ts";
import type { KeyWrapper } from "../../src/index.ts";

const context = { purpose: "access-token", kid: "the-kid", alg: "ES256" };
const plaintext = Buffer.from("a private key");
const [oldSecret, newSecret] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];

/** As versions before 0.2 sealed: without the algorithm. */
function sealedAsBefore(secret: Uint8Array): string {
  const key = new Uint8Array(hkdfSync("sha256", secret, "", "latchkey key sealing v1", 32));
  const id = createHash("sha256").update("latchkey key id v1").update(key).digest("base64url").slice(0, 11);
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(`v1\n${id}\naccess-token\nthe-kid`));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return `v1.${id}.${nonce.toString("base64url")}.${ciphertext.toString("base64url")}`;
}

/** A key service of the test: it adds its own mark to what it wraps. */
function wrapper(name: string): KeyWrapper {
  return {
    name,
    wrap: async (dataKey) => Buffer.concat([Buffer.from(name), dataKey]),
    unwrap: async (wrapped) => Buffer.from(wrapped).subarray(name.length),
  };
}

describe("a sealed key", () => {
  it("OP-05: is bound to its purpose, its kid and its algorithm", async () => {
    const sealer = createKeySealer(newSecret);
    const sealed = await sealer.seal(plaintext, context);
    expect(Buffer.from(await sealer.open(sealed, context))).toEqual(plaintext);
    for (const other of [{ purpose: "refresh-token" }, { kid: "another-kid" }, { alg: "RS256" }]) {
      await expect(sealer.open(sealed, { ...context, ...other })).rejects.toThrow("is damaged");
    }
  });

  it("says under which master secret it was sealed, and is sealed differently each time", async () => {
    const sealer = createKeySealer(newSecret);
    const [one, other] = [await sealer.seal(plaintext, context), await sealer.seal(plaintext, context)];
    expect(one.split(".").slice(0, 2)).toEqual(other.split(".").slice(0, 2));
    expect(one).not.toBe(other);
    expect(one).not.toContain(Buffer.from(newSecret).toString("base64url"));
  });

  it("of the form before can be read, and is not taken for one of today's", async () => {
    const sealer = createKeySealer(newSecret);
    const old = sealedAsBefore(newSecret);
    expect(Buffer.from(await sealer.open(old, context))).toEqual(plaintext);
    expect([sealer.isCurrent(old), sealer.isCurrent(await sealer.seal(plaintext, context))]).toEqual([false, true]);
    // What binds less does not open what binds more, nor the other way round.
    await expect(sealer.open(old.replace("v1", "v2"), context)).rejects.toThrow("is damaged");
    const today = await sealer.seal(plaintext, context);
    await expect(sealer.open(today.replace("v2", "v1"), context)).rejects.toThrow("is damaged");
  });

  it.each(["", "v2", "v2.a.b", "v3.a.b.c", "v2.a.b.c.d.e"])("that is cut or grown is refused: %j", async (text) => {
    await expect(createKeySealer(newSecret).open(text, context)).rejects.toThrow(ConfigurationError);
  });

  it("with a nonce or tag of another length is refused", async () => {
    const sealer = createKeySealer(newSecret);
    const [version, id, nonce = "", ciphertext = ""] = (await sealer.seal(plaintext, context)).split(".");
    const [shortNonce, shortText] = [nonce.slice(0, 8), ciphertext.slice(0, 8)];
    await expect(sealer.open([version, id, shortNonce, ciphertext].join("."), context)).rejects.toThrow("is damaged");
    await expect(sealer.open([version, id, nonce, shortText].join("."), context)).rejects.toThrow("is damaged");
  });
});

describe("of several master secrets", () => {
  it("the first seals and all open", async () => {
    const [before, during, after] = [
      createKeySealer(oldSecret),
      createKeySealer(newSecret, oldSecret),
      createKeySealer(newSecret),
    ];
    const old = await before.seal(plaintext, context);
    expect(Buffer.from(await during.open(old, context))).toEqual(plaintext);
    const fresh = await during.seal(plaintext, context);
    expect(Buffer.from(await after.open(fresh, context))).toEqual(plaintext);
    expect([during.isCurrent(old), during.isCurrent(fresh)]).toEqual([false, true]);
    await expect(after.open(old, context)).rejects.toThrow(
      /The master secret is not the one .* \(that one has the id [\w-]{11}\)/,
    );
  });

  it("a short one is refused wherever it stands", async () => {
    expect(() => createKeySealer(newSecret, randomBytes(31))).toThrow("has 31 bytes; it needs at least 32");
    await expect(openKeySealer([newSecret, "hunter2"])).rejects.toThrow("it needs at least 32 random ones");
    await expect(openKeySealer([{ name: "the file", read: async () => "hunter2" }])).rejects.toThrow(
      "The master secret (the file) has",
    );
  });
});

describe("a key service", () => {
  it("wraps a data key for each sealed key, which is kept beside it and bound by it", async () => {
    const sealer = createKeySealer(wrapper("a-kms-key"));
    const [one, other] = [await sealer.seal(plaintext, context), await sealer.seal(plaintext, context)];
    expect(Buffer.from(await sealer.open(one, context))).toEqual(plaintext);
    const wrapped = (sealed: string): string => sealed.split(".")[4] ?? "";
    expect(Buffer.from(wrapped(one), "base64url").toString("latin1")).toMatch(/^a-kms-key/);
    expect(wrapped(one)).not.toBe(wrapped(other));
    await expect(sealer.open(one.replace(wrapped(one), wrapped(other)), context)).rejects.toThrow("is damaged");
    await expect(sealer.open(one.split(".").slice(0, 4).join("."), context)).rejects.toThrow("is damaged");
  });

  it("takes over from a secret, and hands over to one", async () => {
    const bySecret = await createKeySealer(oldSecret).seal(plaintext, context);
    const both = createKeySealer(wrapper("a-kms-key"), oldSecret);
    expect(Buffer.from(await both.open(bySecret, context))).toEqual(plaintext);
    const byService = await both.seal(plaintext, context);
    const back = createKeySealer(newSecret, wrapper("a-kms-key"));
    expect(Buffer.from(await back.open(byService, context))).toEqual(plaintext);
    await expect(createKeySealer(wrapper("another"), newSecret).open(byService, context)).rejects.toThrow("has the id");
  });

  it("that fails makes the sealer fail with its sentence, and with nothing of the key", async () => {
    const failing: KeyWrapper = {
      name: "a-kms-key",
      wrap: () => Promise.reject(new KeyServiceError("The service is away.")),
      unwrap: () => Promise.reject(new KeyServiceError("The service is away.")),
    };
    const error: unknown = await createKeySealer(failing)
      .seal(plaintext, context)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KeyServiceError);
    expect(inspect(error)).not.toContain("a private key");
  });
});
