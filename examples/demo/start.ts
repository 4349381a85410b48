// The demo: an authority with a page beside it in this process, and in another one the API that trusts its tokens.
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { styleText } from "node:util";

import { ConfigurationError } from "@latchkey/server";
import type { RunningAuthority } from "latchkey";
import { serveAuthority, stopOnSignal } from "latchkey";

import { loadPage } from "./page-server.ts";
import type { DemoSettings } from "./settings.ts";
import { fail, readSettings } from "./settings.ts";
import { createThief } from "./thief.ts";

const settings = readSettings(process.env);
const authority = await startAuthority(settings);

const api = fork(join(import.meta.dirname, "api.ts"), { stdio: "inherit" });
const [apiState] = (await Promise.race([once(api, "message"), once(api, "exit")])) as [unknown];
if (apiState !== "ready") {
  await authority.stop();
  process.exit(1);
}

stopOnSignal(async () => {
  api.removeAllListeners("exit");
  api.kill("SIGTERM");
  await Promise.all([authority.stop(), api.exitCode ?? once(api, "exit")]);
});
api.once("exit", () => {
  void authority.stop().then(() => fail("the demo API has stopped by itself."));
});

process.stdout.write(`
  ${styleText("bold", "Latchkey is running.")}  Open ${styleText(["cyan", "underline"], settings.issuer)}

  demo API   ${settings.api}
  data       ${settings.dataPath}
  stop       Ctrl-C

`);

async function startAuthority(demo: DemoSettings): Promise<RunningAuthority> {
  const loopback = `http://127.0.0.1:${demo.port}`;
  const page = await loadPage(demo);
  const thief = createThief({ issuer: demo.issuer, allowedOrigins: [demo.issuer, loopback] });
  try {
    return await serveAuthority({
      issuer: demo.issuer,
      port: demo.port,
      hostname: demo.hostname,
      dataPath: demo.dataPath,
      masterSecret: process.env["LATCHKEY_MASTER_SECRET"],
      logLevel: "error",
      allowedOrigins: [loopback],
      audiences: [
        demo.api,
        { audience: demo.briefAudience, accessTokenTtlSeconds: 15 },
        { audience: demo.otherAudience, accessTokenTtlSeconds: 60 },
      ],
      // The demo API hears of sign-outs and thefts at once, and so a token that it has seen stops within a second.
      revocationFeed: { access: "public" },
      scopes: { allowed: ["read:profile", "read:reports"], default: ["read:profile"] },
      fallback: (request) => thief(request) ?? page(request),
    });
  } catch (error) {
    if (error instanceof ConfigurationError) return fail(error.message);
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
      return fail(`port ${demo.port} is taken. Choose another: PORT=4000 npm start`);
    }
    if (error instanceof Error && "path" in error && "code" in error) {
      return fail(
        `${String(error.path)}: ${String(error.code)}. Choose another folder: LATCHKEY_DATA=./demo-data npm start`,
      );
    }
    throw error;
  }
}
