import { describe, expect, it } from "vitest";

import { createKeySealer } from "../../src/index.ts";
import type { RefreshKey } from "../../src/keys/refresh-key.ts";
import { makeRefreshKey, openRefreshKey, REFRESH_KEY_ALGORITHM } from "../../src/keys/refresh-key.ts";
import type { SealedNotes } from "../../src/tokens/sealed-notes.ts";
import { createSealedNotes } from "../../src/tokens/sealed-notes.ts";
import { ISSUER, MASTER_SECRET } from "../authority.ts";

const time = { now: 1_800_000_000 };
const clock = (): number => time.now;

async function makeKey(): Promise<RefreshKey> {
  const sealer = createKeySealer(MASTER_SECRET);
  const { kid, sealed } = await makeRefreshKey(sealer);
  const stored = { kid, purpose: "refresh-token", alg: REFRESH_KEY_ALGORITHM, sealed } as const;
  const key = await openRefreshKey({ sealer, clock }, stored as Parameters<typeof openRefreshKey>[1]);
  if (key === undefined) throw new Error("There is no key.");
  return key;
}

/** @param keys the newest first */
function notesOf(keys: readonly RefreshKey[], issuer = ISSUER): SealedNotes {
  const [newest] = keys;
  const at = (): RefreshKey => newest as RefreshKey;
  return createSealedNotes({ issuer, clock, refreshKeys: { at, all: keys } });
}

describe("a sealed note", () => {
  it("holds what was sealed, until its time is over, and whichever key has followed", async () => {
    const [old, next] = [await makeKey(), await makeKey()];
    const text = notesOf([old]).seal("pushed-request", { state: "ünïcødé" }, time.now + 60);
    expect(text).toMatch(/^[\w-]+$/);
    expect(notesOf([next, old]).open("pushed-request", text)).toEqual({ state: "ünïcødé" });
    expect(notesOf([next]).open("pushed-request", text)).toBeUndefined();
    time.now += 60;
    expect(notesOf([old]).open("pushed-request", text)).toBeUndefined();
    const lasting = notesOf([old]).seal("authorization-code", { secret: "x" }, null);
    time.now += 1_000_000;
    expect(notesOf([old]).open("authorization-code", lasting)).toEqual({ secret: "x" });
  });

  it("is none for another purpose, nor of another issuer", async () => {
    const key = await makeKey();
    const text = notesOf([key]).seal("pushed-request", {}, null);
    expect(notesOf([key]).open("authorization-request", text)).toBeUndefined();
    expect(notesOf([key]).open("authorization-code", text)).toBeUndefined();
    expect(notesOf([key], "https://other.example.com").open("pushed-request", text)).toBeUndefined();
  });

  it("is one text: changed by a bit, cut, or written in another way, it is none", async () => {
    const notes = notesOf([await makeKey()]);
    // The last character carries bits that stand for nothing.
    const text = notes.seal("pushed-request", { pad: "x" }, null);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const others = text.split("").map((character, index) => {
      const other = alphabet[(alphabet.indexOf(character) ^ 1) % 64] ?? "";
      return text.slice(0, index) + other + text.slice(index + 1);
    });
    for (const changed of [
      ...others,
      text.slice(0, -1),
      `${text}A`,
      `${text}=`,
      ` ${text}`,
      `${text}\n`,
      "",
      "x".repeat(40),
    ]) {
      expect(notes.open("pushed-request", changed)).toBeUndefined();
    }
    expect(notes.open("pushed-request", text)).toEqual({ pad: "x" });
  });

  it("is another each time, and shows nothing of what it holds", async () => {
    const notes = notesOf([await makeKey()]);
    const [one, two] = [1, 2].map(() => notes.seal("pushed-request", { state: "readable" }, null));
    expect(one).not.toBe(two);
    expect(Buffer.from(one ?? "", "base64url").toString("latin1")).not.toContain("readable");
  });
});
