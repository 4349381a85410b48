import type { ApiTokenUsesReport } from "@latchkey/protocol";
import { MAX_REPORTED_USES } from "@latchkey/protocol";
import { z } from "zod";

import { requireApiTokens } from "../flows/api-tokens.ts";
import { noteApiTokenUses } from "../flows/note-api-token-uses.ts";
import { AuthError } from "../errors.ts";
import { emptyAnswer } from "./answers.ts";
import type { Answer, Exchange } from "./exchange.ts";
import { readJsonBody } from "./json-body.ts";
import { requireResourceServer } from "./resource-server-authentication.ts";

const report = z.strictObject({
  uses: z.array(z.tuple([z.string().min(1).max(64), z.int().min(0)])).max(MAX_REPORTED_USES),
});

/** Which API tokens were used at an API that takes them, and in which hour; of what is unknown nothing is said. */
export async function postApiTokenUses(exchange: Exchange): Promise<Answer> {
  requireApiTokens(exchange.http);
  const server = requireResourceServer(exchange);
  if (!server.takesApiTokens) throw new AuthError("not_found");
  const { uses } = (await readJsonBody(exchange.request, report)) satisfies ApiTokenUsesReport;
  await noteApiTokenUses(exchange.http, { uses, audiences: server.audiences });
  return emptyAnswer();
}
