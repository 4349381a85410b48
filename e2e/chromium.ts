import { existsSync } from "node:fs";

import type { Browser } from "playwright-core";
import { chromium } from "playwright-core";

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

/** Whether tests in a browser are passed over: never in CI, where a missing one is a failure. */
export const isBrowserMissing: boolean = !existsSync(executablePath) && process.env["CI"] !== "true";

/** Headless Chromium that asks nobody but the servers of the test. */
export async function launchChromium(...args: readonly string[]): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
}
