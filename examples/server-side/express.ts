import type { RequestSession } from "@latchkey/client/ssr";
import { createSsrClient } from "@latchkey/client/ssr";
import type { Request as ExpressRequest, Response as ExpressResponse, NextFunction, RequestHandler } from "express";
import express from "express";

import type { Settings } from "./settings.ts";

/** Pages rendered by Express: two parts of each ask an API at the same time, for one refresh at most. */
export function createExpressApp({ issuer, apiOrigin, pageOrigin }: Settings): express.Express {
  const ssr = createSsrClient({ issuer, apiOrigins: [apiOrigin], pageOrigins: [pageOrigin] });
  const sessions = new WeakMap<ExpressRequest, RequestSession>();

  const openSession: RequestHandler = async (request, response, next) => {
    const opened = await ssr.open({
      method: request.method,
      url: new URL(request.originalUrl, pageOrigin).href,
      headers: new Headers(request.headers as Record<string, string>),
    });
    if (opened.detour === undefined) {
      sessions.set(request, opened.session);
      next();
    } else {
      await sendDetour(opened.detour, response);
    }
  };

  const app = express();
  // Express 5 hands rejections on.
  // oxlint-disable-next-line oxc/no-async-endpoint-handlers
  app.use(openSession);
  // oxlint-disable-next-line oxc/no-async-endpoint-handlers
  app.get("/", async (request, response) => {
    const session = sessions.get(request);
    if (session === undefined) throw new Error("There is no session.");
    const [user, reports] = await Promise.all([
      session.fetch(`${apiOrigin}/user`).then((answer) => answer.text()),
      session.fetch(`${apiOrigin}/reports`).then((answer) => answer.text()),
    ]);
    const headers = new Headers();
    session.writeCookies(headers);
    response.setHeaders(headers).type("text").send(`${user}\n${reports}`);
  });
  app.use((_error: unknown, _request: ExpressRequest, response: ExpressResponse, _next: NextFunction) => {
    // Nothing was lost: the page is to be asked for again.
    response.status(503).set("Retry-After", "1").type("text").send("Not now.");
  });
  return app;
}

async function sendDetour(detour: Response, response: ExpressResponse): Promise<void> {
  response
    .status(detour.status)
    .setHeaders(detour.headers)
    .send(await detour.text());
}
