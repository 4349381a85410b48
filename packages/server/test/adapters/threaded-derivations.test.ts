import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { afterAll, describe, expect, it } from "vitest";

import type { Argon2idInput, Derivations } from "../../src/adapters/derivations/derivations.ts";
import { createThreadedDerivations, IN_THREADS } from "../../src/adapters/derivations/in-threads.ts";
import { nodeArgon2id, POOLED } from "../../src/adapters/derivations/pooled.ts";

const folder = mkdtempSync(join(tmpdir(), "latchkey-threads-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const password = "a password";
const salt = Buffer.from("a salt of sixteen");
const ARGON2: Argon2idInput = { password, salt, memoryKib: 1_024, passes: 2, parallelism: 1, tagBytes: 32 };

/** Threads that run this, with a fallback that is seen at work. */
function threadsOf(program: string): { readonly derivations: Derivations; readonly fellBack: () => number } {
  const path = join(folder, `${program.length}.mjs`);
  writeFileSync(path, program);
  let calls = 0;
  const otherwise: Derivations = { ...POOLED, argon2id: (input) => (calls++, POOLED.argon2id(input)) };
  return { derivations: createThreadedDerivations({ program: pathToFileURL(path), otherwise }), fellBack: () => calls };
}

const bytes = (value: Uint8Array): string => Buffer.from(value).toString("hex");

describe("what passwords are hashed with", () => {
  it("is the same in threads of their own, in Node's pool, and by Node's own Argon2id", async () => {
    const expected = bytes(await nodeArgon2id(ARGON2));
    const scrypt = { password, salt, N: 1_024, r: 8, p: 1, keyBytes: 32 };
    const pbkdf2 = { password, salt, iterations: 1_000, digest: "sha256", keyBytes: 32 } as const;
    const hash = "$2b$04$abcdefghijklmnopqrstuu5LNQLrJ9nUqHkQkNHhMCJbs1XkGvIzG";
    expect(bytes(await POOLED.argon2id(ARGON2))).toBe(expected);
    expect(bytes(await IN_THREADS.argon2id(ARGON2))).toBe(expected);
    expect(bytes(await IN_THREADS.scrypt(scrypt))).toBe(bytes(await POOLED.scrypt(scrypt)));
    expect(bytes(await IN_THREADS.pbkdf2(pbkdf2))).toBe(bytes(await POOLED.pbkdf2(pbkdf2)));
    expect(await IN_THREADS.bcrypt({ password, hash })).toBe(await POOLED.bcrypt({ password, hash }));
  });

  it("is refused with the error that it failed with, and the thread goes on", async () => {
    await expect(IN_THREADS.scrypt({ password, salt, N: 1_023, r: 8, p: 1, keyBytes: 32 })).rejects.toThrow(/scrypt/i);
    expect(await IN_THREADS.argon2id(ARGON2)).toHaveLength(32);
  });

  it.runIf(process.platform === "linux")(
    "OP-04: comes behind everything else: its threads have a low priority, and they alone",
    async () => {
      await IN_THREADS.argon2id(ARGON2);
      const threads = readdirSync("/proc/self/task").map((id) => ({
        name: readFileSync(`/proc/self/task/${id}/comm`, "utf8").trim(),
        priority: getPriority(Number(id)),
      }));
      const isOwn = ({ name }: { readonly name: string }): boolean => name.includes("hashing");
      expect(new Set(threads.filter(isOwn).map(({ priority }) => priority))).toEqual(new Set([getPriority() + 5]));
      const others = threads.filter((thread) => !isOwn(thread));
      expect(new Set(others.map(({ priority }) => priority))).toEqual(new Set([getPriority()]));
    },
  );

  it("OP-04: is answered all the same when a thread dies of it, or between two, and by a thread again", async () => {
    const { derivations, fellBack } = threadsOf(`
      import { parentPort } from "node:worker_threads";
      let turn = 0;
      parentPort.on("message", ({ input }) => {
        turn += 1;
        if (input.password === "dies") throw new Error("dies");
        if (input.password === "leaves") process.exit(0);
        parentPort.postMessage({ value: Uint8Array.of(turn) });
        if (input.password === "last") setTimeout(() => process.exit(0), 20);
      });`);
    const ask = (word: string): Promise<Uint8Array> => derivations.argon2id({ ...ARGON2, password: word });
    expect(await ask("first")).toEqual(Uint8Array.of(1));
    expect(await ask("second")).toEqual(Uint8Array.of(2));
    expect(bytes(await ask("dies"))).toBe(bytes(await POOLED.argon2id({ ...ARGON2, password: "dies" })));
    expect(await ask("again")).toEqual(Uint8Array.of(1));
    expect(await ask("leaves")).toHaveLength(32);
    expect(await ask("last")).toEqual(Uint8Array.of(1));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await ask("anew")).toEqual(Uint8Array.of(1));
    expect(fellBack()).toBe(2);
  });

  it("OP-04: is done in Node's pool, after one warning, where no thread can begin", async () => {
    const warnings: string[] = [];
    const keep = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", keep);
    const { derivations, fellBack } = threadsOf(`throw new Error("nothing of the kind");`);
    const expected = bytes(await POOLED.argon2id(ARGON2));
    for (let n = 0; n < 3; n++) expect(bytes(await derivations.argon2id(ARGON2))).toBe(expected);
    expect(fellBack()).toBe(3);
    await new Promise(setImmediate);
    process.off("warning", keep);
    expect(warnings).toEqual([expect.stringMatching(/^Passwords are hashed in Node's pool.*nothing of the kind/)]);
  });

  it.each([
    { flags: ["--permission", "--allow-fs-read=*", "--allow-addons"], where: "pool" },
    { flags: ["--permission", "--allow-fs-read=*", "--allow-addons", "--allow-worker"], where: "thread" },
  ])("goes on under Node's permission model: $flags", ({ flags, where }) => {
    const source = new URL("../../src/adapters/derivations/in-threads.ts", import.meta.url);
    const program = `
      const { IN_THREADS } = await import(${JSON.stringify(source.href)});
      const input = { password: "a", salt: Buffer.from("a salt of sixteen"), memoryKib: 64, passes: 1, parallelism: 1, tagBytes: 32 };
      console.log((await IN_THREADS.argon2id(input)).length);`;
    const run = spawnSync(process.execPath, [...flags, "--input-type=module", "--eval", program], {
      cwd: fileURLToPath(new URL(".", import.meta.url)),
      encoding: "utf8",
      timeout: 20_000,
    });
    // It ends by itself, too: an idle thread keeps no process alive.
    expect({ status: run.status, out: run.stdout }).toEqual({ status: 0, out: "32\n" });
    expect(run.stderr.includes("Passwords are hashed in Node's pool")).toBe(where === "pool");
  });
});
