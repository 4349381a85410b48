/**
 * Runs on a session bus of its own (`dbus-run-session`), with a GNOME Keyring that is unlocked: several processes at once
 * open one store, and then the keyring forgets. Prints what came of it.
 *
 *     dbus-run-session -- node keyring-session.ts FOLDER
 */
import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { findCredentialsAsync, AsyncEntry } from "@napi-rs/keyring";

const SERVICE = "latchkey-test";
const PROCESSES = 6;
const [folder = ""] = process.argv.slice(2);
const opener = fileURLToPath(new URL("keyring-opener.ts", import.meta.url));

// It goes into the background once it is unlocked, and ends with the bus.
spawnSync("/usr/bin/gnome-keyring-daemon", ["--unlock", "--components=secrets"], { input: "a password" });
const opened = await Promise.all(Array.from({ length: PROCESSES }, (_, n) => open(`process ${n}`)));
const last = await open("the last");
const entries = await findCredentialsAsync(SERVICE);
for (const { account } of entries) await new AsyncEntry(SERVICE, account).deleteCredential();
const forgotten = await open("too late");
process.stdout.write(JSON.stringify({ opened, last, entries: entries.length, forgotten }));

/** What a process of its own printed. */
async function open(text: string): Promise<unknown> {
  const args = [...process.execArgv, opener, folder, SERVICE, text];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}
