import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "../scripts/free-port.ts";

const ROOT = join(import.meta.dirname, "..");

/** The demo, run as `npm start` runs it, on ports and in a folder of its own. */
export interface DemoProcess {
  readonly url: string;
  readonly api: string;
  readonly child: ChildProcess;
  /** All it has printed. */
  readonly output: () => string;
  /** Sends the signal and answers the exit code, once both processes are gone. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export async function startDemo(): Promise<DemoProcess> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-demo-"));
  const [port, apiPort] = [await freePort(), await freePort()];
  const child = spawn("node", ["scripts/start.mjs"], {
    cwd: ROOT,
    env: { ...process.env, PORT: String(port), API_PORT: String(apiPort), LATCHKEY_DATA: join(folder, "data") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, "exit");

  const demo: DemoProcess = {
    url: `http://localhost:${port}`,
    api: `http://localhost:${apiPort}`,
    child,
    output: () => output,
    async stop(signal = "SIGTERM") {
      if (child.exitCode === null) child.kill(signal);
      const [code] = (await exited) as [number | null];
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) throw new Error(`the demo ended: ${output}`);
    if (output.includes("Latchkey is running")) return demo;
    await sleep(100);
  }
  await demo.stop("SIGKILL");
  throw new Error(`the demo did not start: ${output}`);
}
