import type { Judged } from "./authority.ts";
import type { Asked, Job } from "./messages.ts";
import type { Action, Step } from "./step.ts";
import type { Token } from "./token.ts";
import type { World } from "./world.ts";

/** A history as numbered lines, each with how things stand after it. */
export function formatTrace(history: readonly Step[]): string {
  const width = String(history.length).length;
  const lines = history.flatMap(({ action, world }, at) => [
    `${String(at + 1).padStart(width + 2)}. ${tell(action)}`,
    `${" ".repeat(width + 4)}${standing(world)}`,
  ]);
  const violation = history.at(-1)?.violation;
  return [
    "  At first the client holds token 0, and the row is at generation 0.",
    ...lines,
    ...(violation === undefined ? [] : [`  ${violation.guarantee} is broken: ${violation.what}`]),
  ].join("\n");
}

/** One step, in words. */
export function tell(action: Action): string {
  switch (action.kind) {
    case "send":
      return `The client sends ${request(action.asked)}.`;
    case "torn send":
      return `The client sends ${request(action.asked)}: the token changed after the keys were chosen.`;
    case "wait":
      return "The client was told to wait, and waits until no answer of its own can come any more.";
    case "insist":
      return `The client was told to wait once more, and nothing came: it makes a second key, ${action.key}.`;
    case "duplicate":
      return `The network makes a copy of the client's ${request(action.asked)}.`;
    case "judge":
      return `The server reads the row for ${whose(action.asked)} ${request(action.asked)}: ${verdict(action.judged)}.`;
    case "commit":
      return commit(action.job, action.won);
    case "answer":
      return `An answer reaches the jar: ${name(action.token)}.`;
    case "crash":
      return `The store crashes and forgets its last commits: the row is back at generation ${action.row.state.generation}.`;
    case "jar crash":
      return `The client crashes, and its jar comes back older: ${name(action.jar.token)}.`;
    case "sign out":
      return "The session is signed out.";
    case "tick":
      return "Time passes.";
    case "copy":
      return `The thief copies the jar: ${name(action.jar.token)} with keys ${keys(action.jar.keys.map((key) => key.name))}.`;
  }
}

function commit(job: Job, won: boolean): string {
  if (job.kind === "revoke") return `The server revokes the session because of ${whose(job.asked)} request.`;
  return won
    ? `The server writes generation ${job.next.generation} for ${whose(job.asked)} request, and answers ${name({ generation: job.next.generation, secret: job.secret })}.`
    : `The server finds the row changed, and will judge ${whose(job.asked)} request again.`;
}

function verdict(judged: Judged): string {
  switch (judged.kind) {
    case "refuse":
      return `refuse (${judged.cause})`;
    case "rotate":
      return judged.job.rolledForward ? "roll forward" : "rotate";
    case "retry":
      return `retry, answered with ${name(judged.token)}`;
    case "superseded":
      return "superseded (409)";
    case "reuse":
      return "reuse";
  }
}

function standing({ row, jar, requests, answers, thief, now }: World): string {
  const { generation, revokedAt } = row.state;
  const copies = thief.tokens.map((token) => token.generation).join(", ");
  return [
    `row ${generation}${revokedAt === null ? "" : " (revoked)"}`,
    `jar ${jar.token.generation}`,
    `under way: ${requests.length} requests, ${answers.length} answers`,
    ...(thief.tokens.length > 0 ? [`thief holds ${copies}`] : []),
    ...(now > 0 ? [`time ${now}`] : []),
  ].join(" · ");
}

function whose({ holder }: Asked): string {
  return holder === "thief" ? "the thief's" : "the client's";
}

function request(asked: Asked): string {
  return `${name(asked.token)} with ${asked.keys.length === 0 ? "no keys" : `keys ${keys(asked.keys)}`}`;
}

function name({ generation, secret }: Pick<Token, "generation" | "secret">): string {
  return `token ${generation} (${secret})`;
}

function keys(names: readonly string[]): string {
  return `[${names.join(", ")}]`;
}
