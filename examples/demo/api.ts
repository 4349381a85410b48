// The demo API: another process than the authority, with no database and no secret. It trusts what the authority signed.
import { guard, requireScope } from "@latchkey/verifier/express";
import { createVerifier } from "@latchkey/verifier";
import cors from "cors";
import express from "express";

import { fail, readSettings } from "./settings.ts";

const settings = readSettings(process.env);
const verifier = createVerifier({
  issuer: settings.issuer,
  audience: [settings.api, settings.briefAudience],
});

const app = express().disable("x-powered-by");
app.use(
  cors({
    origin: [settings.issuer, `http://127.0.0.1:${settings.port}`],
    exposedHeaders: ["WWW-Authenticate", "Retry-After", "DPoP-Nonce"],
    maxAge: 600,
  }),
);

app.get("/health/ready", (_request, response) => {
  response.json({ status: "ready" });
});

app.get("/api/me", guard(verifier), (request, response) => {
  response.json({ message: "Any valid access token may read this.", claims: request.auth.claims });
});

app.get("/api/reports", guard(verifier), requireScope("read:reports"), (_request, response) => {
  response.json({ reports: [{ month: "2026-10", signIns: 1204, copiesCaught: 3 }] });
});

app.use((_request, response) => {
  response.status(404).json({ error: "not_found", error_description: "There is nothing here." });
});

const server = app.listen(settings.apiPort, settings.hostname, (error) => {
  if (error !== undefined) {
    fail(
      `port ${settings.apiPort} is taken or closed to us (${error.message}). Choose another: API_PORT=4001 npm start`,
    );
  }
  process.send?.("ready");
});

const stop = (): void => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), 5_000).unref();
};
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
process.on("disconnect", stop);
