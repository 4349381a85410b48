import { setTimeout as delay } from "node:timers/promises";

import { createVerifier, type Verifier } from "@latchkey/verifier";
import { guard, requireRole, requireScope } from "@latchkey/verifier/fastify";
import { fastify } from "fastify";

import { describe, expect, it } from "vitest";

import { describeGuard, getOverHttp, type TestApi } from "./guard-behaviour.ts";
import { describeDpopGuard } from "./guard-dpop-behaviour.ts";
import { AUDIENCE, startIssuer } from "./issuer-on-loopback.ts";

const ok = async (): Promise<object> => ({ said: "reached the handler" });

async function startApi(verifier: Verifier): Promise<TestApi> {
  const app = fastify();
  app.get("/open", async () => ({}));
  app.get("/unguarded", { onRequest: requireScope("read:reports") }, ok);
  await app.register(
    async (api) => {
      api.addHook("onRequest", guard(verifier));
      api.get("/me", async ({ auth }) => ({ subject: auth.subject, scopes: auth.scopes }));
      api.get("/reports", { onRequest: requireScope("read:reports") }, ok);
      api.get("/both", { preHandler: [requireScope("read:reports", "write:reports")] }, ok);
      api.get("/edit", { onRequest: [requireRole("editor")] }, ok);
      api.get("/admin", { preHandler: requireRole("admin") }, ok);
      api.get("/broken", async () => {
        throw new Error("broken");
      });
    },
    { prefix: "/api" },
  );
  return { origin: await app.listen({ port: 0, host: "127.0.0.1" }), close: () => app.close() };
}

describeGuard("Fastify", startApi);
describeDpopGuard("Fastify", startApi);

describe("the hooks for Fastify", () => {
  it("C-13: never reach the handler of a refused request, however long the answer takes to leave", async () => {
    const issuer = await startIssuer();
    const verifier = createVerifier({ issuer: issuer.url, audience: AUDIENCE });
    const app = fastify();
    let reached = 0;
    app.addHook("onSend", async () => {
      await delay(20);
    });
    app.addHook("onRequest", guard(verifier));
    app.get("/me", async () => {
      reached += 1;
      return {};
    });
    app.get("/admin", { onRequest: requireRole("admin") }, async () => {
      reached += 1;
      return {};
    });
    const origin = await app.listen({ port: 0, host: "127.0.0.1" });
    expect((await getOverHttp(`${origin}/me`)).status).toBe(401);
    expect((await getOverHttp(`${origin}/admin`, `Bearer ${issuer.issue()}`)).status).toBe(403);
    await delay(50);
    expect(reached).toBe(0);
    expect((await getOverHttp(`${origin}/me`, `Bearer ${issuer.issue()}`)).status).toBe(200);
    expect(reached).toBe(1);
    await app.close();
    verifier.close();
    await issuer.stop();
  });
});
