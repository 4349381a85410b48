import { describe, expect, it } from "vitest";

import { COMMON_PASSWORDS } from "../../src/domain/common-passwords.ts";
import { passwordObjections } from "../../src/domain/password-policy.ts";

const context = { email: "grace.hopper@navy.example", name: "Grace Brewster Hopper", serviceNames: ["auth.acme.test"] };
const objections = (password: string): readonly string[] => passwordObjections(password, context);

const COMMON = ["This is a common password, which is tried first. Choose another."];
const CONTEXT = ["Do not build it from your name, your e-mail address or the name of this service."];
const REPEATED = ["Do not repeat the same few characters."];

describe("the password policy", () => {
  it.each([
    ["15 emoji", "🦊🐙🦉🐝🦋🐢🐌🦀🐬🦔🐫🦩🐓🦜🐄"],
    ["64 characters", "pack my box with five dozen liquor jugs, then go home and rest !"],
    ["1,024 characters", "one two three four five six seven, ".repeat(30).slice(0, 1_024)],
    ["lower case alone, without digits or signs", "plentifulumbrellasoftly"],
    ["spaces", "  a phrase with spaces  "],
    ["73 bytes, which is past bcrypt's end", `${"é".repeat(2)}${"the quick brown fox ".repeat(4).slice(0, 69)}`],
    ["a name with enough beside it", "grace counts nanoseconds"],
  ])("PW-01: composition is not asked for: takes %s", (_what, password) => {
    expect(objections(password)).toEqual([]);
  });

  it("PW-01: counts code points of the composed form, not bytes and not what the keyboard sent", () => {
    expect(objections("🦊🐙🦉🐝🦋🐢🐌🦀🐬🦔🐫🦩🐓🦜")).toEqual(["Use at least 15 characters."]);
    expect(objections("e\u0301".repeat(2) + "twelve more.")).toEqual(["Use at least 15 characters."]);
    expect(objections("e\u0301".repeat(2) + "thirteen more")).toEqual([]);
  });

  it.each([
    "123456789123456789",
    "1QAZ2wsx3edc4rfv",
    "qwerty123456789",
    "thisismypassword",
    "correcthorsebatterystaple",
  ])("PW-02: refuses the common %s, in whatever case", (password) => {
    expect(objections(password)).toEqual(COMMON);
  });

  it("PW-02: knows more than 3,000 common passwords that would be long enough (ASVS 6.2.4), each of which it refuses", () => {
    const passwords = COMMON_PASSWORDS.split("\n");
    expect(new Set(passwords).size).toBe(passwords.length);
    expect(passwords.length).toBeGreaterThan(3_000);
    for (const password of passwords) expect(objections(password), password).not.toEqual([]);
  });

  it("PW-02: compares the whole password: a common one within a longer one is no matter", () => {
    expect(objections("qwerty123456789 and a walrus")).toEqual([]);
  });

  it.each([
    ["the address", "Grace.Hopper@navy.example"],
    ["the name, turned and decorated", "Hopper-Grace-1906!"],
    ["the service", "AcmeAcmeAuth2026!"],
    ["service and person", "acme-password-grace"],
  ])("PW-02: refuses what is built from %s", (_what, password) => {
    expect(objections(password)).toEqual(CONTEXT);
  });

  it.each(["zzzzzzzzzzzzzzzz", "xyzxyzxyzxyzxyz", "🦊🐙🦊🐙🦊🐙🦊🐙🦊🐙🦊🐙🦊🐙🦊🐙"])(
    "refuses the repetition %s",
    (password) => {
      expect(objections(password)).toEqual(REPEATED);
    },
  );

  it.each(["abcdefghijklmnop", "ponmlkjihgfedcba", "αβγδεζηθικλμνξοπ"])("refuses the run %s", (password) => {
    expect(objections(password)).toEqual(["Do not use characters in the order of the alphabet."]);
  });

  it("judges the longest text that can be sent at once, whatever it is made of", () => {
    const started = performance.now();
    for (const text of ["a".repeat(4_095) + "b", "ab".repeat(2_048), "grace".repeat(819)]) objections(text);
    expect(performance.now() - started).toBeLessThan(500);
  });
});
