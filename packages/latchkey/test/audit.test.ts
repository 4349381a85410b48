import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, it } from "vitest";

import { freePort } from "../../../scripts/free-port.ts";
import { runLatchkey, startServe, temporaryFolder } from "./serve-process.ts";

const credentials = { email: "ada@example.com", password: "correct horse battery staple" };

it("OP-01 OP-02 H-08: latchkey audit exports what happened, filtered, and finds what was changed", async () => {
  const folder = temporaryFolder();
  const server = await startServe(folder, await freePort());
  const post = (path: string, body: object) =>
    fetch(`${server.url}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", "User-Agent": "agent \u0085\u00a0 \\r\\n" },
    });
  await post("/auth/signup", credentials);
  await post("/auth/login", credentials);
  await post("/auth/login", { ...credentials, password: "wrong" });
  const exported = async (...args: string[]) => {
    const { code, stdout, stderr } = await runLatchkey(["audit", "export", "--data", folder, ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^\d+ entries exported\n$/) });
    return stdout.split("\n").slice(0, -1);
  };
  const database = new DatabaseSync(join(folder, "latchkey.db"));
  const isRecorded = database.prepare("SELECT number FROM audit_entry WHERE type = 'sign_in_failed'");
  await expect.poll(() => isRecorded.get(), { timeout: 10_000 }).toBeDefined();

  const lines = await exported("--since", "5m");
  const entries = lines.map((line) => JSON.parse(line) as { number: number; event: { type: string } });
  expect(entries.map(({ number }) => number)).toEqual(entries.map((_, index) => index + 1));
  expect(entries.slice(-3).map(({ event }) => event.type)).toEqual(["user_signed_up", "signed_in", "sign_in_failed"]);
  expect(lines.join("\n")).toMatch(/^[ -~\n]+$/);
  expect(lines.join("\n")).not.toContain(credentials.email);
  expect(await exported("--since", "2099-01-01")).toEqual([]);
  expect(await exported("--type", "signed_in", "user_signed_up", "--address", "127.0.0.1")).toHaveLength(2);

  const mistyped = await runLatchkey(["audit", "export", "--data", folder, "--type", "sign_in_fialed"]);
  expect(mistyped).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("No entry is of that type.") });

  const { stdout: checkpoint } = await runLatchkey(["audit", "checkpoint", "--data", folder]);
  const file = join(folder, "checkpoints");
  writeFileSync(file, checkpoint);
  const verify = () => runLatchkey(["audit", "verify", "--data", folder, "--checkpoint", file]);
  expect(await verify()).toMatchObject({ code: 0, stdout: expect.stringContaining("Intact: ") });

  database.prepare("DELETE FROM audit_entry WHERE number = ?").run(entries.length - 1);
  database.close();
  expect(await verify()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`Entry ${entries.length - 1} is missing`),
  });
}, 120_000);
