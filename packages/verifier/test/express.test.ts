import type { IncomingMessage } from "node:http";

import { createVerifier, type VerifiedAccessToken, VerifierError, type Verifier } from "@latchkey/verifier";
import { guard, requireRole, requireScope } from "@latchkey/verifier/express";
import express, { type ErrorRequestHandler } from "express";
import { describe, expect, it } from "vitest";

import { describeGuard, getOverHttp, type TestApi } from "./guard-behaviour.ts";
import { describeDpopGuard } from "./guard-dpop-behaviour.ts";
import { AUDIENCE, listen, startIssuer, stopServer } from "./issuer-on-loopback.ts";

async function startApi(verifier: Verifier): Promise<TestApi> {
  const app = express();
  app.get("/open", (_request, response) => {
    response.json({});
  });
  app.use("/api", guard(verifier));
  app.get("/api/me", (request, response) => {
    response.json({ subject: request.auth.subject, scopes: request.auth.scopes });
  });
  app.get("/api/reports", requireScope("read:reports"), ok);
  app.get("/api/both", requireScope("read:reports", "write:reports"), ok);
  app.get("/api/edit", requireRole("editor"), ok);
  app.get("/api/admin", requireRole("admin"), ok);
  app.get("/api/broken", () => {
    throw new Error("broken");
  });
  app.get("/unguarded", requireScope("read:reports"), ok);
  const onError: ErrorRequestHandler = (_error, _request, response, _next) => {
    response.status(500).json({ error: "server_error" });
  };
  app.use(onError);
  const { server, origin } = await listen(app);
  return { origin, close: () => stopServer(server) };
}

function ok(_request: express.Request, response: express.Response): void {
  response.json({ said: "reached the handler" });
}

describeGuard("Express", startApi);
describeDpopGuard("Express", startApi);

describe("the middleware for Express", () => {
  it("can be set for one route, before requireScope", async () => {
    const issuer = await startIssuer();
    const verifier = createVerifier({ issuer: issuer.url, audience: AUDIENCE });
    const app = express();
    app.get("/reports", guard(verifier), requireScope("read:reports"), (request, response) => {
      response.json({ claims: request.auth.claims });
    });
    const { server, origin } = await listen(app);
    const answer = await getOverHttp(`${origin}/reports`, `Bearer ${issuer.issue()}`);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ claims: { sub: "user-1", iss: issuer.url } });
    verifier.close();
    await stopServer(server);
    await issuer.stop();
  });

  it("lets a request through at once while the key is held", async () => {
    const issuer = await startIssuer();
    const verifier = createVerifier({ issuer: issuer.url, audience: AUDIENCE });
    await verifier.ready();
    const middleware = guard(verifier);
    let subject: string | undefined;
    const { server, origin } = await listen((request: IncomingMessage & { auth?: VerifiedAccessToken }, response) => {
      void middleware(request, response, () => {
        subject = request.auth?.subject;
      });
      response.end(subject);
    });
    expect((await getOverHttp(origin, `Bearer ${issuer.issue()}`)).text).toBe("user-1");
    verifier.close();
    await stopServer(server);
    await issuer.stop();
  });

  it("C-13: takes nobody's word for it but the guard's: a look-alike in request.auth is an error", async () => {
    const app = express();
    app.use((request, _response, next) => {
      Object.assign(request, { auth: { subject: "admin", scopes: ["read:reports"], roles: ["admin"] } });
      next();
    });
    app.get("/scope", requireScope("read:reports"), ok);
    app.get("/role", requireRole("admin"), ok);
    const seen: unknown[] = [];
    const onError: ErrorRequestHandler = (error, _request, response, _next) => {
      seen.push(error);
      response.status(500).end();
    };
    app.use(onError);
    const { server, origin } = await listen(app);
    expect((await getOverHttp(`${origin}/scope`)).status).toBe(500);
    expect((await getOverHttp(`${origin}/role`)).status).toBe(500);
    expect(seen).toEqual([
      expect.objectContaining({ code: "not_guarded" }),
      expect.objectContaining({ code: "not_guarded" }),
    ]);
    await stopServer(server);
  });

  it("refuses to be made without a verifier, a scope or a role", () => {
    const code = (make: () => unknown): unknown => {
      try {
        return make();
      } catch (error) {
        return error instanceof VerifierError ? error.code : error;
      }
    };
    expect(code(() => guard({} as Verifier))).toBe("invalid_options");
    expect(code(() => requireScope())).toBe("invalid_options");
    expect(code(() => requireScope("read:a read:b"))).toBe("invalid_options");
    expect(code(() => requireScope(""))).toBe("invalid_options");
    expect(code(() => requireRole())).toBe("invalid_options");
    expect(code(() => requireRole(""))).toBe("invalid_options");
  });
});
