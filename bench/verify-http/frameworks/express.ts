import { guard as latchkeyGuard } from "@latchkey/verifier/express";
import express, { type Request, type RequestHandler } from "express";
import type { AddressInfo } from "node:net";
import { bearerToken, type Check, type Framework, type Guard, HELD_PATH, NOBODY, OPEN_PATH } from "../api.ts";

export const serveExpress: Framework = async (guard) => {
  const app = express();
  app.get(OPEN_PATH, (_request, response) => void response.json({ for: NOBODY }));
  app.get(HELD_PATH, middlewareOf(guard), (request, response) => void response.json({ for: subjectOf(request) }));
  return new Promise((resolve) => {
    const server = app.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
};

function middlewareOf(guard: Guard): RequestHandler {
  if (guard.kind === "verifier") return latchkeyGuard(guard.verifier);
  return guard.kind === "express" ? guard.guard : middlewareOfCheck(guard.check);
}

function middlewareOfCheck(check: Check): RequestHandler {
  return async (request, response, next) => {
    try {
      const checked = check(bearerToken(request.headers.authorization));
      const subject = typeof checked === "string" ? checked : await checked;
      Object.assign(request, { auth: { subject } });
    } catch {
      response.status(401).json({ error: "invalid_token" });
      return;
    }
    next();
  };
}

/** The middleware that comes with express-oauth2-jwt-bearer leaves claims there. */
function subjectOf(request: Request): string | undefined {
  const auth: { subject?: string; payload?: { sub?: string } } = request.auth;
  return auth.subject ?? auth.payload?.sub;
}
