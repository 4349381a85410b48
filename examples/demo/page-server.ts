import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { rolldown } from "rolldown";

import type { DemoSettings } from "./settings.ts";

const FOLDER = join(import.meta.dirname, "page");

/** The page's files, by path: bundled once at start, served from memory. */
export async function loadPage(settings: DemoSettings): Promise<(request: Request) => Response | undefined> {
  const html = await readFile(join(FOLDER, "index.html"), "utf8");
  const files = new Map([
    ["/", { type: "text/html; charset=utf-8", body: html.replaceAll("%API%", settings.api) }],
    ["/page.css", { type: "text/css; charset=utf-8", body: await readFile(join(FOLDER, "page.css"), "utf8") }],
    ["/favicon.svg", { type: "image/svg+xml", body: await readFile(join(FOLDER, "favicon.svg"), "utf8") }],
  ]);
  for (const [path, body] of await bundle(join(FOLDER, "main.ts"))) {
    files.set(path, { type: "text/javascript; charset=utf-8", body });
  }
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ${settings.api}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");

  return (request) => {
    const file = files.get(new URL(request.url).pathname);
    if (file === undefined || (request.method !== "GET" && request.method !== "HEAD")) return undefined;
    return new Response(request.method === "HEAD" ? null : file.body, {
      headers: {
        "Content-Type": file.type,
        "Content-Security-Policy": policy,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
      },
    });
  };
}

/** The page's script, and those that it fetches later, by path. */
async function bundle(entry: string): Promise<ReadonlyMap<string, string>> {
  const build = await rolldown({
    input: { page: entry },
    platform: "browser",
    resolve: { conditionNames: ["@latchkey/source", "import", "default"] },
    logLevel: "warn",
  });
  const { output } = await build.generate({ format: "esm" });
  await build.close();
  return new Map(output.flatMap((file) => (file.type === "chunk" ? [[`/${file.fileName}`, file.code]] : [])));
}
