import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { onTestFinished } from "vitest";

import type { NodeOrder } from "./authority-node.ts";

/** What clients know; the nodes listen elsewhere, as behind a load balancer. */
export const ISSUER = "https://auth.example.com";
export const MASTER_SECRET: string = Buffer.alloc(32, 9).toString("base64url");

/** Starts a node in a process of its own, which ends with the test; answers where it listens. */
export async function startNode(order: Omit<NodeOrder, "lifetimeMs">): Promise<string> {
  const program = fileURLToPath(new URL("authority-node.ts", import.meta.url));
  const flags = ["--conditions=@latchkey/source", "--disable-warning=ExperimentalWarning"];
  const child = spawn(process.execPath, [...flags, program, JSON.stringify({ ...order, lifetimeMs: 60_000 })], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  return `http://127.0.0.1:${Number(port.toString())}`;
}
