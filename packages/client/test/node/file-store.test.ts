import { randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createFileStore } from "../../src/node/file-store.ts";

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "latchkey-file-store-"));
  folder = join(parent, "credentials");
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** Where nothing is left of the lock, either. */
const stateFiles = (): readonly string[] => readdirSync(folder);

describe("the file store", () => {
  it("keeps the newest state alone, in a file that only its owner can read (0600, folder 0700)", () => {
    const store = createFileStore({ folder });
    expect(store.read()).toBeUndefined();
    expect(store.replace(0, "one")).toBe(true);
    expect(store.replace(1, "two")).toBe(true);
    expect(store.read()).toEqual({ revision: 2, text: "two" });
    const files = stateFiles();
    expect(files).toHaveLength(1);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, files[0] ?? "")).mode & 0o777).toBe(0o600);
  });

  it("never lets an older state replace a newer one, however late it comes", () => {
    const store = createFileStore({ folder });
    store.replace(0, "one");
    expect(store.replace(0, "another one")).toBe(false);
    for (let revision = 1; revision < 20; revision++) expect(store.replace(revision, `state ${revision}`)).toBe(true);
    // The names of the first revisions are free again.
    expect(store.replace(0, "of long ago")).toBe(false);
    expect(store.replace(3, "of long ago")).toBe(false);
    expect(store.read()).toEqual({ revision: 20, text: "state 19" });
  });

  it("takes no state for the newest that came to a name which others had tidied away", () => {
    const store = createFileStore({ folder });
    for (let revision = 0; revision < 5; revision++) store.replace(revision, `state ${revision}`);
    // What a process leaves behind that was stopped between its look and its link, and killed after it.
    writeFileSync(join(folder, "000000000002.json"), "late");
    expect(store.read()).toEqual({ revision: 5, text: "state 4" });
    expect(store.replace(5, "next")).toBe(true);
    expect(stateFiles()).toEqual(["000000000006.json"]);
  });

  it("takes a draft of a killed process for nothing, and removes it in time", () => {
    const store = createFileStore({ folder });
    store.replace(0, "one");
    const draft = join(folder, "draft-of-the-dead");
    writeFileSync(draft, "hal");
    expect(store.read()).toEqual({ revision: 1, text: "one" });
    store.replace(1, "two");
    expect(stateFiles()).toContain("draft-of-the-dead");
    const anHourAgo = new Date(Date.now() - 3_600_000);
    utimesSync(draft, anHourAgo, anHourAgo);
    store.replace(2, "three");
    expect(stateFiles()).toEqual(["000000000003.json"]);
  });

  it("refuses a folder that others can read or write", () => {
    createFileStore({ folder });
    for (const mode of [0o750, 0o707, 0o770]) {
      chmodSync(folder, mode);
      expect(() => createFileStore({ folder })).toThrow(/chmod 700/);
    }
    writeFileSync(join(parent, "file"), "");
    expect(() => createFileStore({ folder: join(parent, "file") })).toThrow(/EEXIST/);
  });

  it("seals the file with a key from elsewhere, and opens it with no other", () => {
    const encryptionKey = randomBytes(32);
    createFileStore({ folder, encryptionKey }).replace(0, "a secret");
    expect(readFileSync(join(folder, stateFiles()[0] ?? ""), "utf8")).not.toContain("secret");
    expect(createFileStore({ folder, encryptionKey }).read()).toEqual({ revision: 1, text: "a secret" });
    const stranger = createFileStore({ folder, encryptionKey: randomBytes(32) });
    expect(() => stranger.read()).toThrow(/encryptionKey/);
    expect(() => createFileStore({ folder, encryptionKey: randomBytes(16) })).toThrow(/32 random bytes/);
  });
});

describe("the file lock", () => {
  it("lets one go after the other", async () => {
    const store = createFileStore({ folder });
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 5 }, async () =>
        store.runExclusive?.(async () => {
          inside += 1;
          most = Math.max(most, inside);
          await new Promise((resolve) => setTimeout(resolve, 20));
          inside -= 1;
        }, 5_000),
      ),
    );
    expect(most).toBe(1);
    expect(stateFiles()).toEqual([]);
  });

  it.each([
    // No process has this number: they end at 2^22.
    ["a killed process", "99999999"],
    ["a process that was killed before it had written its number", ""],
  ])("is not kept by %s", async (_, content) => {
    const store = createFileStore({ folder });
    writeFileSync(join(folder, "lock"), content);
    const started = performance.now();
    expect(await store.runExclusive?.(async () => "done", 4_000)).toBe("done");
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it("is waited for no longer than asked: work goes on without it, and leaves it alone", async () => {
    const store = createFileStore({ folder });
    writeFileSync(join(folder, "lock"), String(process.pid));
    expect(await store.runExclusive?.(async () => "done", 100)).toBe("done");
    expect(stateFiles()).toEqual(["lock"]);
  });

  it("is given back by work that fails", async () => {
    const store = createFileStore({ folder });
    const work = store.runExclusive?.(() => Promise.reject(new Error("no luck")), 100);
    await expect(work).rejects.toThrow("no luck");
    expect(stateFiles()).toEqual([]);
  });
});
