import { guard as latchkeyGuard } from "@latchkey/verifier/fastify";
import { fastify, type onRequestAsyncHookHandler } from "fastify";
import { bearerToken, type Check, type Framework, HELD_PATH, NOBODY, OPEN_PATH } from "../api.ts";

export const serveFastify: Framework = async (guard) => {
  if (guard.kind === "express") throw new Error("Fastify does not take Express's middleware");
  const api = fastify();
  api.decorateRequest("subject", "");
  api.route({ method: "GET", url: OPEN_PATH, handler: async () => ({ for: NOBODY }) });
  const held = { method: "GET", url: HELD_PATH } as const;
  if (guard.kind === "verifier") {
    const onRequest = latchkeyGuard(guard.verifier);
    api.route({ ...held, onRequest, handler: async (request) => ({ for: request.auth.subject }) });
  } else {
    const onRequest = hookOfCheck(guard.check);
    api.route({ ...held, onRequest, handler: async (request) => ({ for: request.subject }) });
  }
  return Number(new URL(await api.listen({ port: 0, host: "127.0.0.1" })).port);
};

declare module "fastify" {
  interface FastifyRequest {
    subject: string;
  }
}

function hookOfCheck(check: Check): onRequestAsyncHookHandler {
  return async (request, reply) => {
    try {
      const checked = check(bearerToken(request.headers.authorization));
      request.subject = typeof checked === "string" ? checked : await checked;
      return undefined;
    } catch {
      return reply.code(401).send({ error: "invalid_token" });
    }
  };
}
