import { createHmac, randomBytes } from "node:crypto";
import { createMac, createSecretKey, signJwt } from "@latchkey/jwt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusalOf } from "./refusal.ts";

describe("a MAC of texts", () => {
  const secret = randomBytes(32);
  const mac = createMac(secret);
  const oracle = (text: string): string => createHmac("sha256", secret).update(text).digest("base64url");

  it("is the HMAC-SHA256 of node:crypto, for any text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 5000 }), (text) => mac(text) === oracle(text)));
  });

  it("is that with secrets of any length from 32 bytes on", () => {
    for (const length of [32, 63, 64, 65, 200]) {
      const long = randomBytes(length);
      expect(createMac(long)("text")).toBe(createHmac("sha256", long).update("text").digest("base64url"));
    }
  });

  it("comes out the same between other uses of the same memory", () => {
    const before = mac("a text");
    signJwt({ iat: 1 }, createSecretKey(randomBytes(32), { alg: "HS256" }), { typ: "at+jwt" });
    expect(mac("a text")).toBe(before);
    expect(createMac(randomBytes(32))("a text")).not.toBe(before);
  });

  it("covers all of a text of 64 KiB, and refuses a longer one", () => {
    const text = "€".repeat(21_845);
    expect(mac(text)).toBe(oracle(text));
    expect(refusalOf(() => mac(`${text}ab`))).toBe("invalid_options");
    expect(refusalOf(() => mac("a".repeat(65_537)))).toBe("invalid_options");
  });

  it("is refused a secret that is short, or is no bytes", () => {
    expect(refusalOf(() => createMac(randomBytes(31)))).toBe("weak_key");
    expect(refusalOf(() => createMac("a text of more than 32 characters" as never))).toBe("weak_key");
  });
});
