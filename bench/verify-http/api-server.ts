/** One API in a process of its own, which says how much processor time it has used. */
import { answerParent } from "../harness/asked-program.ts";
import type { Framework, FrameworkName, GuardName } from "./api.ts";
import { serveExpress } from "./frameworks/express.ts";
import { serveFastify } from "./frameworks/fastify.ts";
import { serveHono } from "./frameworks/hono.ts";
import { serveNodeHttp } from "./frameworks/node-http.ts";
import { createGuard } from "./guards.ts";
import type { Issuer } from "./issuer.ts";

export type Question =
  | { readonly type: "serve"; readonly framework: FrameworkName; readonly guard: GuardName; readonly issuer: Issuer }
  | { readonly type: "usage" };

/** The port, or the microseconds of processor time so far, all threads together. */
export type Answer = number;

const frameworks: Readonly<Record<FrameworkName, Framework>> = {
  "node:http": serveNodeHttp,
  Express: serveExpress,
  Fastify: serveFastify,
  Hono: serveHono,
};

answerParent(async (question: Question): Promise<Answer> => {
  if (question.type === "serve")
    return frameworks[question.framework](await createGuard(question.guard, question.issuer));
  const { user, system } = process.cpuUsage();
  return user + system;
});
