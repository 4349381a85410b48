import { createSsrClient } from "@latchkey/client/ssr";
import { Hono } from "hono";

import type { Settings } from "./settings.ts";

/**
 * A back-end for a front-end (RFC 10017 §6.1): the page calls its own server, which holds the tokens, and passes the calls
 * on to one API, by one list of paths, with the access token instead of the cookies.
 */
export function createHonoApp({ issuer, apiOrigin, pageOrigin }: Settings): Hono {
  const ssr = createSsrClient({ issuer, apiOrigins: [apiOrigin], pageOrigins: [pageOrigin] });

  const app = new Hono();
  app.on(["GET", "POST"], ["/api/user", "/api/reports"], ({ req }) =>
    ssr.handle(req.raw, async (session) => {
      const { pathname, search } = new URL(req.url);
      const answer = await session.fetch(apiOrigin + pathname.slice("/api".length) + search, {
        method: req.method,
        headers: { "Content-Type": req.header("Content-Type") ?? "application/json" },
        ...(req.method === "POST" && { body: await req.text() }),
      });
      const type = answer.headers.get("Content-Type") ?? "application/octet-stream";
      return new Response(answer.body, { status: answer.status, headers: { "Content-Type": type } });
    }),
  );
  app.post("/sign-in", ({ req }) =>
    ssr.handle(req.raw, async (session) => {
      const form = new URLSearchParams(await req.text());
      await session.signIn({ email: form.get("email") ?? "", password: form.get("password") ?? "" });
      return new Response(null, { status: 303, headers: { Location: "/api/user" } });
    }),
  );
  app.post("/sign-out", ({ req }) =>
    ssr.handle(req.raw, async (session) => {
      await session.signOut();
      return new Response(null, { status: 303, headers: { Location: "/" } });
    }),
  );
  app.onError((_, context) => context.text("Not now.", 503, { "Retry-After": "1" }));
  return app;
}
