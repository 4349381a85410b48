/** An API with one protected route, whose verifier follows the feed or does not; asked how much processor time it has used. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { createVerifier } from "@latchkey/verifier";
import { guard } from "@latchkey/verifier/express";

import { answerParent } from "../harness/asked-program.ts";

export type ApiQuestion =
  | { readonly type: "serve"; readonly issuer: string; readonly follows: boolean }
  | { readonly type: "usage" };

/** The port, or the microseconds of processor time so far. */
export type ApiAnswer = number;

answerParent(async (question: ApiQuestion): Promise<ApiAnswer> => {
  if (question.type === "usage") {
    const { user, system } = process.cpuUsage();
    return user + system;
  }
  const { issuer, follows } = question;
  const verifier = createVerifier({ issuer, audience: issuer, revocation: follows ? {} : false });
  await verifier.ready();
  const protect = guard(verifier);
  const server = createServer((request: Parameters<typeof protect>[0], response) => {
    void protect(request, response, () => {
      const body = JSON.stringify({ for: `user_${request.auth?.subject}` });
      response.writeHead(200, { "Content-Type": "application/json" }).end(body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
});
