// The Redis of the tests: the system's redis-server or valkey-server, installed on Debian where we may.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const CANDIDATES = [
  process.env.REDIS_SERVER_PATH,
  "/usr/bin/redis-server",
  "/usr/bin/valkey-server",
  "/usr/local/bin/redis-server",
  "/usr/local/bin/valkey-server",
  "/opt/homebrew/bin/redis-server",
  "/opt/homebrew/bin/valkey-server",
];

const find = () => CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** The path of a redis-server, or `undefined` after a line that says what to install. */
export function ensureRedis() {
  const found = find();
  if (found !== undefined) return found;
  if (existsSync("/etc/debian_version") && process.getuid?.() === 0) {
    process.stdout.write("Installing redis-server for the tests of the Redis store (once) …\n");
    // In runlevel 1 Debian starts no service after an installation: the tests start servers of their own.
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
    const apt = (...args) => spawnSync("apt-get", args, { stdio: "ignore", env });
    apt("update");
    apt("install", "-y", "--no-install-recommends", "redis-server");
  }
  const installed = find();
  if (installed === undefined && !process.env.REDIS_URL) {
    process.stdout.write(
      "No redis-server found: install Redis 7 or Valkey, or set REDIS_SERVER_PATH or REDIS_URL, to test the Redis store.\n",
    );
  }
  return installed;
}
