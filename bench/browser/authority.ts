// An authority as `latchkey serve` runs it, with the trial's page beside it and with tokens of two seconds, for which the
// command line has no flag.
import { join } from "node:path";

import { serveAuthority, stopOnSignal } from "latchkey";

import { bundleScripts } from "../../e2e/bundle-scripts.ts";

const [port = "", issuer = "", dataPath = ""] = process.argv.slice(2);
const scripts = await bundleScripts(join(import.meta.dirname, "page.ts"));
const HTML = `<!doctype html><title>Trial</title><script type="module" src="/page.js"></script>`;

const authority = await serveAuthority({
  port: Number(port),
  hostname: "127.0.0.1",
  issuer,
  dataPath,
  logLevel: "error",
  accessTokenTtlSeconds: 2,
  rateLimits: false,
  fallback(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/") return new Response(HTML, { headers: { "Content-Type": "text/html" } });
    const script = scripts.get(pathname);
    return script === undefined
      ? undefined
      : new Response(script, { headers: { "Content-Type": "text/javascript", "Cache-Control": "max-age=3600" } });
  },
});
stopOnSignal(() => authority.stop());
