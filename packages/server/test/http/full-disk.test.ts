import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, rmdirSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it, onTestFinished } from "vitest";

import { createSqliteStore } from "../../src/index.ts";
import type { Answer, TestAuthority } from "../authority.ts";
import { expectRefusal, freshKey, granted, PASSWORD, startAuthority } from "../authority.ts";

const attempt = (key: string) => ({ "Latchkey-Attempt": key });

interface Disk {
  readonly folder: string;
  /** Leaves no room for another byte. */
  fill(): void;
  empty(): void;
}

/** A file system of a few megabytes in memory; `undefined` where nobody may mount one, as on most machines but in containers. */
function mountDisk(): Disk | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "latchkey-disk-"));
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "latchkey-test", folder]).status !== 0) {
    rmdirSync(folder);
    return undefined;
  }
  onTestFinished(() => {
    execFileSync("umount", ["--lazy", folder]);
    rmdirSync(folder);
  });
  const ballast = join(folder, "ballast");
  return {
    folder,
    fill() {
      const file = openSync(ballast, "a");
      for (let size = 65_536; size > 0;) size = appends(file, size) ? size : Math.floor(size / 2);
      fsyncSync(file);
      closeSync(file);
    },
    empty: () => rmSync(ballast),
  };
}

function appends(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size)) > 0;
  } catch {
    return false;
  }
}

/** An authority whose database is on a disk that can be filled. */
async function start(skip: () => void): Promise<{ disk: Disk; authority: TestAuthority }> {
  const disk = mountDisk();
  if (disk === undefined) {
    skip();
    throw new Error("skipped");
  }
  const store = createSqliteStore({ path: join(disk.folder, "latchkey.db") });
  return { disk, authority: await startAuthority({ store, rateLimits: false }) };
}

/** Fills the disk until the log of the database, too, has no room left in what it had taken before. */
async function untilRefused(disk: Disk, write: () => Promise<Answer>): Promise<void> {
  disk.fill();
  await expect.poll(async () => (await write()).status, { timeout: 10_000, interval: 5 }).toBe(503);
}

const guess = (authority: TestAuthority): Promise<Answer> =>
  authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password: "a wrong password" } });

describe("OP-03: a full disk under SQLite", () => {
  it("503 for whatever is written, reads go on; with room again each session goes on as if nothing had been", async (test) => {
    const { disk, authority } = await start(() => test.skip());
    const sessions = [await authority.signedIn(), await authority.signedIn(), await authority.signedIn()];
    const [held, leaving, other] = sessions as [(typeof sessions)[0], (typeof sessions)[0], (typeof sessions)[0]];
    const key = freshKey();
    await untilRefused(disk, () => guess(authority));

    for (let tries = 0; tries < 3; tries++) {
      expectRefusal(await authority.refresh(held.refresh_token, attempt(key)), 503, "unavailable");
    }
    const json = { email: "ada@example.com", password: PASSWORD };
    expectRefusal(await authority.call("POST", "/auth/login", { json }), 503, "unavailable");
    const leave = { json: { refresh_token: leaving.refresh_token } };
    expectRefusal(await authority.call("POST", "/auth/logout", leave), 503, "unavailable");
    expect((await authority.call("GET", "/auth/me", { token: held.access_token })).status).toBe(200);

    disk.empty();
    const next = granted(await authority.refresh(held.refresh_token, attempt(key)));
    expect(granted(await authority.refresh(held.refresh_token, attempt(key))).refresh_token).toBe(next.refresh_token);
    granted(await authority.refresh(other.refresh_token, attempt(freshKey())));
    // Who could not sign out can now.
    expect((await authority.call("POST", "/auth/logout", leave)).status).toBe(204);
    expectRefusal(await authority.refresh(leaving.refresh_token, attempt(freshKey())), 401, "session_ended");
    expect(await authority.server.audit.verify()).toMatchObject({ intact: true });
  });

  it("in the middle of many refreshes: each is answered, or 503; each session goes on from what its client has", async (test) => {
    const { disk, authority } = await start(() => test.skip());
    const sessions = [];
    for (let count = 0; count < 12; count++) sessions.push(await authority.signedIn());
    const clients = sessions.map(({ refresh_token: token }) => ({ token, key: freshKey(), granted: 0, refused: 0 }));

    let isFull = false;
    const fillSoon = async (): Promise<void> => {
      for (let turn = 0; turn < 6; turn++) await new Promise(setImmediate);
      disk.fill();
      isFull = true;
    };
    const refreshOn = async (client: (typeof clients)[number]): Promise<void> => {
      for (let tries = 0, since = 0; since < 6 && tries < 600; tries++) {
        const answer = await authority.refresh(client.token, attempt(client.key));
        if (answer.status === 503) client.refused += 1;
        if (isFull && answer.status === 503) since += 1;
        if (answer.status === 503) continue;
        client.token = granted(answer).refresh_token;
        client.key = freshKey();
        client.granted += 1;
      }
    };
    await Promise.all([fillSoon(), ...clients.map(refreshOn)]);
    expect(clients.every(({ refused }) => refused > 0)).toBe(true);

    disk.empty();
    for (const { token, key } of clients) granted(await authority.refresh(token, attempt(key)));
    expect(authority.logs.join("\n")).not.toContain("copied refresh token");
  });
});
