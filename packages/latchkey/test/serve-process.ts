import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { createSqliteStore } from "@latchkey/server";
import { onTestFinished } from "vitest";

const BIN = join(import.meta.dirname, "../src/main.ts");

export interface ServeProcess {
  readonly url: string;
  readonly child: ChildProcess;
  readonly output: () => string;
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-serve-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The data folder of an authority that nothing has happened at. */
export async function emptyDatabaseFolder(): Promise<string> {
  const folder = temporaryFolder();
  await createSqliteStore({ path: join(folder, "latchkey.db") }).close();
  return folder;
}

function spawnLatchkey(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(
    process.execPath,
    ["--conditions=@latchkey/source", "--disable-warning=ExperimentalWarning", BIN, ...args],
    {
      env: { PATH: process.env["PATH"] ?? "", NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
}

/** Runs the command line to its end. */
export async function runLatchkey(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const child = spawnLatchkey(args, env);
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, "exit")) as [number | null];
  return { code, stdout, stderr };
}

/** Starts `latchkey serve` as its own process and waits until it is ready. */
export async function startServe(
  dataPath: string,
  port: number,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<ServeProcess> {
  const child = spawnLatchkey(["serve", "--port", String(port), "--data", dataPath, ...args], env);
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const url = `http://localhost:${port}`;
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`latchkey serve ended: ${output}`);
    const ready = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (ready?.status === 200) return { url, child, output: () => output };
    await sleep(50);
  }
  throw new Error(`latchkey serve did not become ready: ${output}`);
}
