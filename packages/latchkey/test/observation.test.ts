import { expect, it, onTestFinished } from "vitest";

import type { RunningAuthority, ServeOptions } from "../src/index.ts";
import { serveAuthority } from "../src/index.ts";
import { temporaryFolder } from "./serve-process.ts";

async function start(observation: ServeOptions["observation"]): Promise<RunningAuthority> {
  const authority = await serveAuthority({
    port: 0,
    hostname: "127.0.0.1",
    issuer: "http://localhost:3000",
    dataPath: temporaryFolder(),
    logLevel: "silent",
    observation,
  });
  onTestFinished(() => authority.stop());
  return authority;
}

it("metrics are answered on a port of their own and never on the public one", async () => {
  const authority = await start({ metrics: { port: 0, hostname: "127.0.0.1" }, traces: true });
  const [open, own] = [`http://127.0.0.1:${authority.port}`, `http://127.0.0.1:${authority.metricsPort}`];
  await fetch(`${open}/auth/me`);
  expect((await fetch(`${open}/metrics`)).status).toBe(404);
  const answer = await fetch(`${own}/metrics`);
  expect(answer.headers.get("content-type")).toMatch(/^text\/plain/);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const text = await answer.text();
  expect(text).toContain('latchkey_refusals_total{route="/auth/me",code="missing_token"} 1');
  expect(text).toMatch(/^latchkey_hashing_waiting 0$/m);
  expect((await fetch(`${own}/auth/me`)).status).toBe(404);
  expect((await fetch(`${own}/metrics`, { method: "POST" })).status).toBe(405);
});

it("nothing is measured or answered where nobody asked for it", async () => {
  const authority = await start(undefined);
  expect(authority.metricsPort).toBeUndefined();
  expect((await fetch(`http://127.0.0.1:${authority.port}/metrics`)).status).toBe(404);
});
