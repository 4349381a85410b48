import { crc32 } from "node:zlib";

import { describe, expect, it } from "vitest";

import { API_TOKEN_PATTERN, formatApiToken, parseApiToken } from "../src/index.ts";

const part = (object: object): string => Buffer.from(JSON.stringify(object)).toString("base64url");
const JWT = [
  part({ alg: "ES256", typ: "latchkey-api+jwt", kid: "some-key" }),
  part({ iss: "https://auth.example.com", sub: "a-user" }),
  Buffer.alloc(64, 0xfb).toString("base64url"),
].join(".");

describe("the form of API tokens", () => {
  it("is a prefix, the JWT, and the CRC-32 of both in base 62, and reads back as the JWT", () => {
    const token = formatApiToken(JWT);
    const [, digits = ""] = /_(\w{6})$/.exec(token) ?? [];
    const value = Array.from(digits).reduce(
      (sum, digit) => sum * 62 + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".indexOf(digit),
      0,
    );
    expect(token).toBe(`lk_api_${JWT}_${digits}`);
    expect(value).toBe(crc32(`lk_api_${JWT}`));
    expect(parseApiToken(token)).toBe(JWT);
  });

  it("is refused with any character changed, left out or added", () => {
    const token = formatApiToken(JWT);
    for (let index = 0; index < token.length; index++) {
      const other = token[index] === "a" ? "b" : "a";
      expect(parseApiToken(token.slice(0, index) + other + token.slice(index + 1))).toBeUndefined();
      expect(parseApiToken(token.slice(0, index) + token.slice(index + 1))).toBeUndefined();
      expect(parseApiToken(`${token.slice(0, index)}x${token.slice(index)}`)).toBeUndefined();
    }
  });

  it.each([
    "",
    "lk_api_",
    "lk_api__000000",
    JWT,
    `lk_api_${JWT}`,
    `lk_api_${"x".repeat(10_000)}_000000`,
    "lk_api_\0\uFFFF_1",
  ])("is nothing else: %.40s", (text) => expect(parseApiToken(text)).toBeUndefined());

  it.each([
    ["a line of a file", (token: string) => `API_TOKEN=${token}\nNEXT=1`],
    ["JSON", (token: string) => JSON.stringify({ token })],
    ["a header", (token: string) => `curl -H 'Authorization: Bearer ${token}' https://api.example.com`],
    ["a URL", (token: string) => `https://x:${token}@api.example.com/`],
    ["a word with a hyphen after it", (token: string) => `${token}-old`],
  ])("is found by the pattern for secret scanners, whole and alone, in %s", (_, textWith) => {
    const token = formatApiToken(JWT);
    expect(API_TOKEN_PATTERN.exec(textWith(token))?.[0]).toBe(token);
  });

  it("is not found in a JWT alone, nor in what is cut off", () => {
    expect(API_TOKEN_PATTERN.test(JWT)).toBe(false);
    expect(API_TOKEN_PATTERN.test(formatApiToken(JWT).slice(0, 100))).toBe(false);
  });

  it("is looked for in hostile text in time that grows with its length", () => {
    const begun = performance.now();
    API_TOKEN_PATTERN.test("lk_api_eyJ".repeat(100_000));
    API_TOKEN_PATTERN.test(`lk_api_eyJaaaaaaaaaa.eyJaaaaaaaaaa.${"_a".repeat(500_000)}`);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});
