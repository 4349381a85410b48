import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";

import { createAuthServer, createSqliteStore } from "@latchkey/server";
import type { Page } from "playwright-core";
import { describe, expect, it, onTestFinished } from "vitest";

import { makeCertificate } from "../bench/browser/self-signed.ts";

import { isBrowserMissing, launchChromium } from "./chromium.ts";

const CREDENTIALS = { email: "ada@example.com", password: "correct horse battery staple" };
const RT = "__Secure-latchkey-rt";

/** An authority over HTTPS, whose cookies have their prefixes; every other host of the site is an empty page. */
async function openSite(): Promise<{ readonly own: string; readonly sibling: string }> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-planted-"));
  const server = createServer(makeCertificate());
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const own = `https://app.latchkey.test:${port}`;
  const store = createSqliteStore({ path: join(folder, "latchkey.db") });
  const authority = createAuthServer({ issuer: own, store, masterSecret: new Uint8Array(32).fill(7) });
  await authority.ready();
  server.on("request", (request, response) => {
    void (async () => {
      if (request.headers.host !== new URL(own).host || request.url === "/") {
        response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html>");
        return;
      }
      const body = request.method === "GET" ? null : new Uint8Array(await buffer(request));
      const headers = new Headers(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      const answer = await authority.fetch(
        new Request(own + request.url, { method: request.method ?? "GET", headers, body }),
        { remoteAddress: "203.0.113.9" },
      );
      response.writeHead(answer.status, [...answer.headers].flat());
      response.end(await answer.text());
    })();
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await authority.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { own, sibling: `https://evil.latchkey.test:${port}` };
}

/** The status of a POST of the page's, with its CSRF token. */
function post(page: Page, path: string, json?: object): Promise<number> {
  return page.evaluate(
    async ([target, body]) => {
      const csrf = /__Host-latchkey-csrf=([^;]+)/.exec(document.cookie)?.[1] ?? "";
      const answer = await fetch(target, {
        method: "POST",
        headers: { "X-CSRF-Token": csrf, ...(body !== undefined && { "Content-Type": "application/json" }) },
        ...(body !== undefined && { body }),
      });
      return answer.status;
    },
    [path, json && JSON.stringify(json)] as const,
  );
}

describe.skipIf(isBrowserMissing)("in a real browser", () => {
  it(
    "E-10: cookies that a sibling host planted cost a page one try: the answer clears them, and not its own",
    { timeout: 60_000 },
    async () => {
      const { own, sibling } = await openSite();
      const browser = await launchChromium(
        "--ignore-certificate-errors",
        "--host-resolver-rules=MAP *.latchkey.test 127.0.0.1",
      );
      onTestFinished(() => browser.close());
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      await page.goto(own);
      expect(await post(page, "/auth/signup", CREDENTIALS)).toBe(201);
      expect(await post(page, "/auth/login", CREDENTIALS)).toBe(200);
      expect(await post(page, "/auth/refresh")).toBe(200);

      const evil = await context.newPage();
      await evil.goto(sibling);
      await evil.evaluate((name) => {
        for (const path of ["/", "/auth", "/auth/", "/auth/refresh"]) {
          document.cookie = `${name}=planted; Domain=latchkey.test; Path=${path}; Secure`;
        }
        document.cookie = "__Host-latchkey-csrf=planted; Domain=latchkey.test; Path=/; Secure";
      }, RT);
      const planted = async (): Promise<number> =>
        (await context.cookies()).filter(({ domain }) => domain === ".latchkey.test").length;
      expect(await planted()).toBe(4);

      expect(await post(page, "/auth/refresh")).toBe(400);
      expect(await planted()).toBe(0);
      expect(await post(page, "/auth/refresh")).toBe(200);
    },
  );
});
