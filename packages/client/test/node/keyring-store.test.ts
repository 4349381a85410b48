import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { createKeyringStore } from "@latchkey/client/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const hasKeyring = ["/usr/bin/dbus-run-session", "/usr/bin/gnome-keyring-daemon"].every((path) => existsSync(path));
/** Without a keyring these are skipped by name; where that must not be (`CI=true`) they fail. */
const describeWithKeyring = hasKeyring || process.env["CI"] === "true" ? describe : describe.skip;

interface Report {
  readonly opened: readonly unknown[];
  readonly last: unknown;
  readonly entries: number;
  readonly forgotten: unknown;
}

describeWithKeyring("the store whose key is in the system's keyring (GNOME Keyring)", () => {
  let parent: string;
  let folder: string;
  let report: Report;

  beforeAll(async () => {
    parent = mkdtempSync(join(tmpdir(), "latchkey-keyring-"));
    folder = join(parent, "credentials");
    const session = fileURLToPath(new URL("keyring-session.ts", import.meta.url));
    const args = ["--", process.execPath, "--conditions=@latchkey/source", session, folder];
    const env = { ...process.env, HOME: parent, XDG_RUNTIME_DIR: parent, NODE_OPTIONS: "" };
    const { stdout } = await promisify(execFile)("dbus-run-session", args, { env });
    report = JSON.parse(stdout) as Report;
  }, 60_000);
  afterAll(() => rmSync(parent, { recursive: true, force: true }));

  it("has one key, whichever of the processes that start together makes it, and loses nobody's change", () => {
    expect(report.opened.map((text) => typeof text)).toEqual(report.opened.map(() => "string"));
    const texts = String(report.last).split(";").slice(0, -1);
    const expected = [...report.opened.map((_, n) => `process ${n}`), "the last"];
    expect(texts.toSorted()).toEqual(expected.toSorted());
    expect(report.entries).toBe(1);
  });

  it("leaves on disk neither the text nor the key", () => {
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name));
    const contents = files.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, "utf8"));
    expect(contents.length).toBeGreaterThan(1);
    expect(contents.join("\n")).not.toContain("process");
  });

  it("says so, and how to go on, when the keyring has lost the key", () => {
    expect(report.forgotten).toEqual({
      error: `folder: the keyring does not have the key that ${folder} is sealed with. Remove the folder, and sign in again.`,
    });
  });
});

describe("the store whose key is in the system's keyring", () => {
  it.skipIf(process.platform !== "linux")("says so where there is none, and keeps nothing in the clear", async () => {
    const parent = mkdtempSync(join(tmpdir(), "latchkey-keyring-"));
    const address = process.env["DBUS_SESSION_BUS_ADDRESS"];
    process.env["DBUS_SESSION_BUS_ADDRESS"] = `unix:path=${parent}/no-bus`;
    try {
      const opening = createKeyringStore({ folder: join(parent, "credentials"), service: "latchkey-test" });
      await expect(opening).rejects.toThrow("The system's keyring cannot be used");
      expect(readdirSync(join(parent, "credentials"))).toEqual([]);
    } finally {
      if (address === undefined) delete process.env["DBUS_SESSION_BUS_ADDRESS"];
      else process.env["DBUS_SESSION_BUS_ADDRESS"] = address;
      rmSync(parent, { recursive: true, force: true });
    }
  });
});
