import type { ApiTokenUsesReport } from "@latchkey/protocol";
import { MAX_REPORTED_USES } from "@latchkey/protocol";
import { z } from "zod";

import { noteApiTokenUses } from "../flows/note-api-token-uses.ts";
import { AuthError } from "../errors.ts";
import { emptyAnswer } from "./answers.ts";
import type { Handler } from "./exchange.ts";
import { jsonBody, taking } from "./request-body.ts";
import { requireResourceServer } from "./resource-server-authentication.ts";

const report = z.strictObject({
  uses: z.array(z.tuple([z.string().min(1).max(64), z.int().min(0)])).max(MAX_REPORTED_USES),
});

/** Which API tokens were used at an API that takes them, and in which hour; of what is unknown nothing is said. */
export const postApiTokenUses: Handler = taking(jsonBody(report), async (exchange, readBody) => {
  const server = await requireResourceServer(exchange);
  if (!server.takesApiTokens) throw new AuthError("not_found");
  const { uses } = (await readBody()) satisfies ApiTokenUsesReport;
  await noteApiTokenUses(exchange.http, { uses, audiences: server.audiences });
  return emptyAnswer();
});
