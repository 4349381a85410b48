import type { Verifier } from "@latchkey/verifier";
import { guard, requireRole, requireScope } from "@latchkey/verifier/fastify";
import { fastify } from "fastify";

import { describeGuard, type TestApi } from "./guard-behaviour.ts";

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
