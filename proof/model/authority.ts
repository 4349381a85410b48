import type { Interned } from "./interner.ts";
import type { Asked, Job, RotateJob } from "./messages.ts";
import type { Row } from "./store.ts";
import type { Token } from "./token.ts";
import type { Setting, World } from "./world.ts";
import { HONEST_JKT } from "./world.ts";

/** What a server node finds when it reads the row for a request and asks the rule. */
export type Judged =
  | { readonly kind: "refuse"; readonly cause: string }
  | { readonly kind: "rotate"; readonly job: Interned<RotateJob> }
  | { readonly kind: "retry"; readonly token: Interned<Token> }
  | { readonly kind: "superseded" }
  | { readonly kind: "reuse"; readonly job: Interned<Job> };

/** The judging half of `flows/refresh.ts`: read the row, ask the rule. What it writes, it writes in a later step. */
export type Authority = (world: World, asked: Interned<Asked>) => Judged;

/** The rule is pure, so each question is put to it once. */
export function createAuthority(setting: Setting): Authority {
  const known = new Map<string, Judged>();
  return ({ row, now }, asked) => {
    const state = setting.intern(row.state);
    const question = `${state.index} ${asked.index} ${now}`;
    const found = known.get(question) ?? judge(setting, { row, asked, now });
    known.set(question, found);
    return found;
  };
}

function judge(
  { protocol, scheme, intern }: Setting,
  question: { readonly row: Row; readonly asked: Interned<Asked>; readonly now: number },
): Judged {
  const { row, asked, now } = question;
  const { token, keys } = asked;
  // `refreshTokens.parse`: a token past its own limit is nobody's.
  if (now >= token.expiresAt) return { kind: "refuse", cause: "the token has expired" };

  const provenJkt = asked.holder === "honest" ? HONEST_JKT : "the thief's key";
  const verdict = protocol.judge(
    row.state,
    {
      sessionId: row.state.id,
      clientIds: ["app"],
      generation: token.generation,
      secret: token.secret,
      expiresAt: token.expiresAt,
      attemptKeys: keys,
      provenJkt: protocol.strength === "proof of possession" ? provenJkt : null,
    },
    { scheme, now, retryWindowSeconds: protocol.times.retryWindow },
  );
  switch (verdict.kind) {
    case "refuse":
    case "superseded":
      return verdict;
    case "reuse":
      return { kind: "reuse", job: intern<Job>({ kind: "revoke", asked }) };
    case "retry": {
      const { generation, idleExpiresAt: expiresAt } = row.state;
      return { kind: "retry", token: intern({ generation, secret: verdict.secret, expiresAt }) };
    }
    case "rotate": {
      const { rolledForward } = verdict;
      const { secret, ...generation } = verdict.next;
      const expected = { generation: row.state.generation, secretHash: row.state.secretHash };
      const next = { ...generation, secretHash: scheme.hash(secret) };
      return {
        kind: "rotate",
        job: intern<RotateJob>({ kind: "rotate", asked, expected, next, secret, rolledForward }),
      };
    }
  }
}
