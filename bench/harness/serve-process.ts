import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";

const CHECKOUT = new URL("../../", import.meta.url);
const START_TIMEOUT_MS = 30_000;

/** A server in a process of its own. */
export interface ServeProcess {
  readonly port: number;
  readonly pid: number;
  readonly output: () => string;
  /** `SIGKILL`, and waits until it is gone. */
  kill(): Promise<void>;
  /** `SIGTERM`, and waits until it is gone. */
  stop(): Promise<void>;
}

export interface StartOptions extends NodeOptions {
  readonly port: number;
  readonly args: readonly string[];
  /** Answers 200 once the server is ready. */
  readonly readyPath: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How a server's process is run. */
export interface NodeOptions {
  /** Runs what is published (`npm run build` makes it), as its users do, and not the sources. */
  readonly built?: boolean | undefined;
  readonly execArgv?: readonly string[] | undefined;
  /** The folder of another Latchkey in place of this one. */
  readonly checkout?: URL;
}

/** The folder is made for the occasion, and so is what its keys are sealed with. */
const SERVE_FLAGS = ["--log-level", "error", "--make-master-secret"];

/** `latchkey serve` on a data folder; several on one folder share an issuer. */
export function startLatchkey(
  options: NodeOptions & {
    readonly dataPath: string;
    readonly port: number;
    readonly issuer: string;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<ServeProcess> {
  const { dataPath, port, issuer, built = false, execArgv, env = {}, checkout = CHECKOUT } = options;
  const program = fileURLToPath(new URL(`packages/latchkey/${built ? "dist/main.js" : "src/main.ts"}`, checkout));
  return startProcess({
    port,
    readyPath: "/health/ready",
    args: [program, "serve", "--port", `${port}`, "--data", dataPath, "--issuer", issuer, ...SERVE_FLAGS],
    env,
    built,
    execArgv,
  });
}

/** Starts a Node.js program and waits until it answers. */
export async function startProcess(options: StartOptions): Promise<ServeProcess> {
  const { port, args, readyPath, built = false, execArgv = [], env = {} } = options;
  const conditions = built ? [] : ["--conditions=@latchkey/source"];
  const child = spawn(
    process.execPath,
    [...conditions, "--disable-warning=ExperimentalWarning", ...execArgv, ...args],
    { env: { ...inherited(), NODE_ENV: "production", ...env }, stdio: ["ignore", "pipe", "pipe"] },
  );
  // Whatever ends this program must not leave its servers behind.
  const onExit = (): void => void child.kill("SIGKILL");
  process.once("exit", onExit);
  child.once("exit", () => process.removeListener("exit", onExit));
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4_000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);

  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server ended at once: ${output}`);
    if (await answers(`http://127.0.0.1:${port}${readyPath}`)) {
      return {
        port,
        pid: child.pid ?? 0,
        output: () => output,
        kill: () => end(child, "SIGKILL"),
        stop: () => end(child, "SIGTERM"),
      };
    }
    await sleep(15);
  }
  child.kill("SIGKILL");
  throw new Error(
    `the server did not become ready in ${START_TIMEOUT_MS / 1_000} seconds (is the machine very busy?): ${output}`,
  );
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000), headers: { Connection: "close" } });
    await response.arrayBuffer();
    return response.ok;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

async function end(child: ChildProcess, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}

/** Nothing that could change what is measured; tests have what sources were compiled to kept from one start to the next. */
function inherited(): Record<string, string> {
  const { PATH = "", NODE_COMPILE_CACHE } = process.env;
  return { PATH, ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }) };
}
