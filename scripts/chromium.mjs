// The browser of the browser tests: the system's Chromium, installed on Debian where we may.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const CANDIDATES = [
  process.env.CHROMIUM_PATH,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

const find = () => CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** The path of a Chromium, or `undefined` after a line that says what to install. */
export function ensureChromium() {
  const found = find();
  if (found !== undefined) return found;
  if (existsSync("/etc/debian_version") && process.getuid?.() === 0) {
    process.stdout.write("Installing Chromium for the browser test (once) …\n");
    const apt = (...args) =>
      spawnSync("apt-get", args, { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
    apt("update");
    apt("install", "-y", "--no-install-recommends", "chromium");
  }
  const installed = find();
  if (installed === undefined) {
    process.stdout.write(
      "No Chromium found: install Chromium or Chrome, or set CHROMIUM_PATH, to run the browser test.\n",
    );
  }
  return installed;
}
