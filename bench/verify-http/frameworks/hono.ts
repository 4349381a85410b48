import { serve } from "@hono/node-server";
import { guard as latchkeyGuard } from "@latchkey/verifier/hono";
import { Hono, type MiddlewareHandler } from "hono";
import { bearerToken, type Check, type Framework, HELD_PATH, NOBODY, OPEN_PATH } from "../api.ts";

export const serveHono: Framework = async (guard) => {
  if (guard.kind === "express") throw new Error("Hono does not take Express's middleware");
  const app = new Hono();
  app.get(OPEN_PATH, (c) => c.json({ for: NOBODY }));
  if (guard.kind === "verifier") {
    app.get(HELD_PATH, latchkeyGuard(guard.verifier), (c) => c.json({ for: c.get("auth").subject }));
  } else {
    app.get(HELD_PATH, middlewareOfCheck(guard.check), (c) => c.json({ for: c.get("subject") }));
  }
  return new Promise((resolve) => {
    serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => resolve(port));
  });
};

declare module "hono" {
  interface ContextVariableMap {
    subject: string;
  }
}

function middlewareOfCheck(check: Check): MiddlewareHandler {
  return async (c, next) => {
    try {
      const checked = check(bearerToken(c.req.header("Authorization")));
      c.set("subject", typeof checked === "string" ? checked : await checked);
    } catch {
      return c.json({ error: "invalid_token" }, 401);
    }
    return next();
  };
}
