import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createAdaptorServer } from "@hono/node-server";
import { createAuthServer, createSqliteStore } from "@latchkey/server";
import { createVerifier } from "@latchkey/verifier";
import { guard } from "@latchkey/verifier/express";
import cors from "cors";
import express from "express";

import { bundleScripts } from "../bundle-scripts.ts";

/** A page with an authority beside it, and an API on another origin. */
export interface Site {
  readonly issuer: string;
  readonly api: string;
  /** The page's URL. */
  page(options?: { readonly binding?: "off" }): string;
  /** What the authority has warned of. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

export interface SiteOptions {
  readonly nonce?: "auto" | "required";
  readonly accessTokenTtlSeconds?: number;
}

export async function openSite({ nonce = "auto", accessTokenTtlSeconds = 600 }: SiteOptions = {}): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bound-"));
  const scripts = await bundleScripts(join(import.meta.dirname, "page.ts"));
  const warnings: string[] = [];

  const authorityHttp = createAdaptorServer({
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/") return new Response(HTML, { headers: { "Content-Type": "text/html" } });
      const script = scripts.get(pathname);
      if (script !== undefined) return new Response(script, { headers: { "Content-Type": "text/javascript" } });
      return authority.fetch(request);
    },
  }) as Server;
  const issuer = await listen(authorityHttp);

  const app = express();
  const apiHttp = createServer(app);
  const api = await listen(apiHttp);
  const authority = createAuthServer({
    issuer,
    store: createSqliteStore({ path: join(folder, "authority.db") }),
    masterSecret: randomBytes(32),
    audiences: [api],
    accessTokenTtlSeconds,
    rateLimits: false,
    dpop: { nonce },
    logger: { warn: (_, message) => warnings.push(message ?? ""), error: () => undefined, info: () => undefined },
  });
  const verifier = createVerifier({
    issuer,
    audience: api,
    ...(nonce === "required" && { dpop: { nonce: { secret: randomBytes(32), required: true } } }),
  });
  app.use(cors({ origin: issuer, exposedHeaders: ["WWW-Authenticate", "DPoP-Nonce"] }));
  app.all("/who", guard(verifier), (request, response) => {
    response.json({ sub: request.auth.claims["sub"], cnf: request.auth.claims["cnf"] ?? null });
  });

  return {
    issuer,
    api,
    page: (options) => `${issuer}/?${new URLSearchParams({ api, ...options }).toString()}`,
    warnings,
    async close() {
      for (const http of [authorityHttp, apiHttp]) {
        http.close();
        http.closeAllConnections();
      }
      await authority.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const HTML = `<!doctype html><title>Bound</title><script type="module" src="/page.js"></script>`;

async function listen(http: Server): Promise<string> {
  http.listen(0, "localhost");
  await once(http, "listening");
  return `http://localhost:${(http.address() as AddressInfo).port}`;
}
