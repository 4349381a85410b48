// Runs on whatever Node.js the machine has (20 or newer): installs what is missing and finds the Node.js to go on with.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const REQUIRED_MAJOR = 24;
const STAMP = join(ROOT, "node_modules", ".latchkey-installed");

/** Installs the dependencies that package-lock.json names, unless they are there already. */
export function installDependencies() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === wanted) return;

  process.stdout.write("Installing dependencies (about half a minute, once) …\n");
  // Not `npm ci`: it refuses a lock file that lacks a tool's binary for a platform nobody here has. What the lock file does
  // name is installed as it says, and `--no-save` leaves the file as it is.
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const run = spawnSync(npm, ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
  if (run.status !== 0) {
    process.stderr.write(`${run.stdout ?? ""}${run.stderr ?? ""}\nnpm install failed: see above.\n`);
    process.exit(1);
  }
  writeFileSync(STAMP, wanted);
}

/** The Node.js that runs Latchkey: the one pinned in package.json, else the machine's own if it is new enough. */
export function findNode() {
  const name = process.platform === "win32" ? "node.exe" : "node";
  const pinned = [
    join(
      ROOT,
      "node_modules",
      `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`,
      "bin",
      name,
    ),
    join(ROOT, "node_modules", ".bin", name),
  ].find((path) => existsSync(path));
  if (pinned !== undefined) return pinned;
  if (Number(process.versions.node.split(".")[0]) >= REQUIRED_MAJOR) return process.execPath;
  process.stderr.write(
    `Latchkey needs Node.js ${REQUIRED_MAJOR} or newer, and this is ${process.version}. Install it from your package manager and run this again.\n`,
  );
  process.exit(1);
}

/** The environment in which every tool and every child finds that Node.js first. */
export function toolEnvironment(node = findNode()) {
  const delimiter = process.platform === "win32" ? ";" : ":";
  const path = [dirname(node), join(ROOT, "node_modules", ".bin"), process.env.PATH ?? ""].join(delimiter);
  return { ...process.env, PATH: path };
}

/** The flags under which workspace packages resolve to their sources, so that nothing has to be built first. */
export const SOURCE_FLAGS = ["--conditions=@latchkey/source", "--disable-warning=ExperimentalWarning"];

/** Runs a program in the foreground: signals are passed on, and its exit code is ours. */
export function runForeground(command, args) {
  const child = spawn(command, args, { cwd: ROOT, stdio: "inherit", env: toolEnvironment() });
  const forward = (signal) => child.kill(signal);
  // Ctrl-C reaches the whole process group by itself; a signal sent to this process alone is passed on.
  process.on("SIGTERM", forward);
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  // Where whoever started us was killed, nobody is left to stop us.
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || child.kill("SIGTERM"), 200).unref();
  child.on("error", (error) => {
    process.stderr.write(`could not start ${command}: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
}
