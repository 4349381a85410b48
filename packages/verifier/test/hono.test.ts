import type { AddressInfo } from "node:net";

import { createAdaptorServer } from "@hono/node-server";
import { createVerifier, type Verifier } from "@latchkey/verifier";
import { guard, requireRole, requireScope } from "@latchkey/verifier/hono";
import { Hono, type Handler } from "hono";
import { expect, it } from "vitest";

import { describeGuard, type TestApi } from "./guard-behaviour.ts";
import { describeDpopGuard } from "./guard-dpop-behaviour.ts";
import { AUDIENCE, startIssuer } from "./issuer-on-loopback.ts";

const ok: Handler = (c) => c.json({ said: "reached the handler" });

async function startApi(verifier: Verifier): Promise<TestApi> {
  const app = new Hono();
  app.get("/open", (c) => c.json({}));
  app.use("/api/*", guard(verifier));
  app.get("/api/me", (c) => c.json({ subject: c.get("auth").subject, scopes: c.var.auth.scopes }));
  app.get("/api/reports", requireScope("read:reports"), ok);
  app.get("/api/both", requireScope("read:reports", "write:reports"), ok);
  app.get("/api/edit", requireRole("editor"), ok);
  app.get("/api/admin", requireRole("admin"), ok);
  app.get("/api/broken", () => {
    throw new Error("broken");
  });
  app.get("/unguarded", requireScope("read:reports"), ok);
  app.onError((_error, c) => c.json({ error: "server_error" }, 500));
  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describeGuard("Hono", startApi);
describeDpopGuard("Hono", startApi);

it("the guard for Hono reads the Fetch request where there is none of Node's, whatever else is bound", async () => {
  const issuer = await startIssuer();
  const verifier = createVerifier({ issuer: issuer.url, audience: AUDIENCE });
  try {
    const app = new Hono();
    app.get("/me", guard(verifier), (c) => c.json({ subject: c.get("auth").subject }));
    const headers = { Authorization: `Bearer ${issuer.issue({ sub: "user_1" })}` };
    for (const bindings of [undefined, {}, { incoming: "a queue of somebody's" }]) {
      const answered = await app.request("/me", { headers }, bindings);
      expect([answered.status, await answered.json()]).toEqual([200, { subject: "user_1" }]);
      expect((await app.request("/me", {}, bindings)).status).toBe(401);
    }
  } finally {
    verifier.close();
    await issuer.stop();
  }
});
