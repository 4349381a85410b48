import { endSession } from "../../flows/end-session.ts";
import { listSessions } from "../../flows/list-sessions.ts";
import { requireSignedIn } from "../access-token-header.ts";
import { emptyAnswer, jsonAnswer, sessionSummary } from "../answers.ts";
import type { Answer, Exchange } from "../exchange.ts";

export async function getSessions(exchange: Exchange): Promise<Answer> {
  const who = await requireSignedIn(exchange);
  const sessions = await listSessions(exchange.http, who);
  return jsonAnswer(200, { sessions: sessions.map((session) => sessionSummary(session, who.session.id)) });
}

export async function deleteSession(exchange: Exchange): Promise<Answer> {
  const who = await requireSignedIn(exchange);
  await endSession(exchange.http, who, { sessionId: exchange.params["id"] ?? "", origin: exchange.origin });
  return emptyAnswer();
}
