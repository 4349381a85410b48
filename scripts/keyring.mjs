// The keyring of the tests: GNOME Keyring on a session bus of its own, installed on Debian where we may.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const NEEDED = ["/usr/bin/dbus-run-session", "/usr/bin/gnome-keyring-daemon"];

const isThere = () => NEEDED.every((path) => existsSync(path));

/** Whether there is one; `false` after a line that says what to install. */
export function ensureKeyring() {
  if (isThere()) return true;
  if (existsSync("/etc/debian_version") && process.getuid?.() === 0) {
    process.stdout.write("Installing gnome-keyring for the tests of the keyring store (once) …\n");
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
    const apt = (...args) => spawnSync("apt-get", args, { stdio: "ignore", env });
    apt("update");
    apt("install", "-y", "--no-install-recommends", "dbus", "gnome-keyring");
  }
  if (!isThere()) {
    process.stdout.write("No keyring found: install dbus and gnome-keyring to test the keyring store.\n");
  }
  return isThere();
}
