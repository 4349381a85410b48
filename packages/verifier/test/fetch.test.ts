import type { AddressInfo } from "node:net";

import { createAdaptorServer } from "@hono/node-server";
import { createVerifier, type Verifier, VerifierError } from "@latchkey/verifier";
import { guard, requireRole, requireScope } from "@latchkey/verifier/fetch";
import { describe, expect, it } from "vitest";

import { describeGuard, type TestApi } from "./guard-behaviour.ts";
import { describeDpopGuard } from "./guard-dpop-behaviour.ts";
import { AUDIENCE } from "./issuer-on-loopback.ts";

type Fetch = (request: Request) => Response | Promise<Response>;

const ok = (): Response => Response.json({ said: "reached the handler" });

async function startApi(verifier: Verifier): Promise<TestApi> {
  const routes = new Map<string, Fetch>([
    ["/open", () => Response.json({})],
    [
      "/api/me",
      guard(verifier, (_request: Request, auth) => Response.json({ subject: auth.subject, scopes: auth.scopes })),
    ],
    ["/api/reports", guard(verifier, requireScope("read:reports"), ok)],
    ["/api/both", guard(verifier, requireRole("editor"), requireScope("read:reports", "write:reports"), ok)],
    ["/api/edit", guard(verifier, requireRole("editor"), ok)],
    ["/api/admin", guard(verifier, requireRole("admin"), ok)],
    [
      "/api/broken",
      guard(verifier, () => {
        throw new Error("broken");
      }),
    ],
    // @ts-expect-error a requirement is no handler
    ["/unguarded", requireScope("read:reports")],
  ]);
  const server = createAdaptorServer({
    fetch: async (request) => {
      try {
        const route = routes.get(new URL(request.url).pathname);
        return (await route?.(request)) ?? new Response(null, { status: 404 });
      } catch {
        return new Response(null, { status: 500 });
      }
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describeGuard("plain fetch", startApi);
describeDpopGuard("plain fetch", startApi);

describe("the guard for plain fetch", () => {
  it("passes on what the framework hands over after the request", async () => {
    const verifier = createVerifier({ issuer: "http://127.0.0.1:9", audience: AUDIENCE });
    const handler = guard(verifier, (_request: Request, _auth, context: { id: string }) => new Response(context.id));
    const answer = await handler(new Request("http://api.example.com/"), { id: "7" });
    expect(answer.status).toBe(401);
    verifier.close();
  });

  it("refuses to be made without a handler, or with two", () => {
    const verifier = createVerifier({ issuer: "http://127.0.0.1:9", audience: AUDIENCE });
    // @ts-expect-error no handler
    expect(() => guard(verifier, requireScope("read:reports"))).toThrow(VerifierError);
    // @ts-expect-error no handler
    expect(() => guard(verifier)).toThrow(VerifierError);
    // @ts-expect-error two handlers
    expect(() => guard(verifier, ok, ok)).toThrow(VerifierError);
  });
});
