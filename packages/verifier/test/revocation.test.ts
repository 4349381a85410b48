import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { inspect } from "node:util";

import { generateSigningKey } from "@latchkey/jwt";
import { partCursor, type Revocation } from "@latchkey/protocol";
import { createVerifier, type RevocationStatus, type Verifier, type VerifierOptions } from "@latchkey/verifier";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { FEED, startFeed, type TestFeed, type TestFeedOptions } from "./feed-on-loopback.ts";
import {
  type Answer,
  answerText,
  AUDIENCE,
  json,
  JWKS,
  listen,
  startIssuer,
  stopServer,
  type TestIssuer,
} from "./issuer-on-loopback.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { refusalOf } from "./refusal-of.ts";

let clock: ManualClock;
let issuer: TestIssuer;
let feed: TestFeed;
const cleanUps: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  clock = createManualClock();
  issuer = await startIssuer({ clock });
  feed = openFeed();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  await issuer.stop();
});

/** The issuer's feed, advertised. */
function openFeed(options: Partial<TestFeedOptions> = {}): TestFeed {
  const made = startFeed(issuer, { clock, ...options });
  cleanUps.push(() => made.stop());
  issuer.answerWith(FEED, made.answer);
  issuer.describe({
    revocation_feed_endpoint: `${issuer.url}${FEED}`,
    revocation_feed_access: options.authorization === undefined ? "public" : "client_secret_basic",
  });
  return made;
}

function makeVerifier(options: Partial<VerifierOptions> = {}): Verifier {
  const made = createVerifier({ issuer: issuer.url, audience: AUDIENCE, clock, ...options });
  cleanUps.push(() => made.close());
  return made;
}

async function until(condition: () => boolean | Promise<boolean>, what: string, seconds = 5): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`It took longer than ${seconds} s until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function statusOf(verifier: Verifier): RevocationStatus {
  return verifier.status().revocation;
}

async function untilState(verifier: Verifier, state: RevocationStatus["state"], seconds?: number): Promise<void> {
  await until(() => statusOf(verifier).state === state, `the state is ${state}`, seconds);
}

async function untilRefused(verifier: Verifier, token: string): Promise<string> {
  let reason = "";
  await until(async () => {
    reason = await verifier.verify(token).then(
      () => "",
      (error: { refusal: { reason: string } }) => error.refusal.reason,
    );
    return reason !== "";
  }, "the token is refused");
  return reason;
}

const later = (): number => clock() + 720;
const session = (id: string): Revocation => ({ kind: "session", id, until: later() });

/** Another node of the authority, at its own URL. */
async function startNode(
  answer: Answer,
  port?: number,
): Promise<{ url: string; port: number; readonly stop: () => Promise<void> }> {
  const { server, origin } = await listen((request, response) => answer(request, response), port);
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (!isStopped) await stopServer(server);
    isStopped = true;
  };
  cleanUps.push(stop);
  return { url: `${origin}${FEED}`, port: Number(new URL(origin).port), stop };
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "fulfilled",
    (error: Error) => error.message,
  );
}

describe("a revocation on the feed", () => {
  const until = 1_800_000_720;
  it.each<{ revocation: Revocation; dead: object; alive: object; code: string; reason: string }>([
    {
      revocation: { kind: "session", id: "s-1", until },
      dead: { sid: "s-1" },
      alive: { sid: "s-2" },
      code: "invalid_token",
      reason: "revoked_session",
    },
    {
      revocation: { kind: "subject", id: "u-1", before: 1_799_999_990, until },
      dead: { sub: "u-1", iat: 1_799_999_990 },
      alive: { sub: "u-1", iat: 1_799_999_991 },
      code: "invalid_token",
      reason: "revoked_subject",
    },
    {
      revocation: { kind: "token", id: "t-1", until },
      dead: { jti: "t-1" },
      alive: { jti: "t-2" },
      code: "invalid_token",
      reason: "revoked_token",
    },
    {
      revocation: { kind: "claims", id: "u-1", epoch: 2, until },
      dead: { sub: "u-1", claims_epoch: 1 },
      alive: { sub: "u-1", claims_epoch: 2 },
      code: "stale_token",
      reason: "old_claims",
    },
  ])("refuses what it names, and nothing else: $reason", async ({ revocation, dead, alive, code, reason }) => {
    const verifier = makeVerifier();
    await verifier.ready();
    const [deadToken, aliveToken] = [issuer.issue(dead), issuer.issue(alive)];
    await verifier.verify(deadToken);
    feed.revoke(revocation);
    await untilRefused(verifier, deadToken);
    expect(await refusalOf(verifier.verify(deadToken))).toEqual({ code, reason });
    await verifier.verify(aliveToken);
  });

  it("makes a token with a claims_epoch that is no count malformed, lest it escape", async () => {
    const verifier = makeVerifier();
    for (const claims_epoch of ["9", -1, 1.5, null]) {
      expect(await refusalOf(verifier.verify(issuer.issue({ claims_epoch })))).toEqual({
        code: "invalid_token",
        reason: "invalid_claim",
        claim: "claims_epoch",
      });
    }
  });
});

describe("a revoked key", () => {
  it("is refused with its tokens and its batches, and the others are not", async () => {
    const other = generateSigningKey("ES256");
    issuer.publish([issuer.key, other]);
    const verifier = makeVerifier();
    await verifier.ready();
    const [dead, alive] = [issuer.issue({}, { key: other }), issuer.issue()];
    await verifier.verify(dead);
    feed.revoke({ kind: "key", id: other.kid ?? "", until: later() });
    expect(await untilRefused(verifier, dead)).toBe("revoked_key");
    await verifier.verify(alive);
    feed.sendRaw(`data: ${feed.sign({ revocations: [session("session-1")] }, { key: other })}\n\n`);
    await until(() => statusOf(verifier).reconnects === 1, "the batch is refused");
    await verifier.verify(alive);
  });
});

describe("a remembered token", () => {
  it("is refused the moment its entry is in, whatever it was found to be after earlier ones", async () => {
    const verifier = makeVerifier();
    await verifier.ready();
    const [dead, alive] = [issuer.issue({ sid: "s-1" }), issuer.issue({ sid: "s-2" })];
    const remembered = await verifier.verify(dead);
    expect(await verifier.verify(dead)).toBe(remembered);
    const aliveBefore = await verifier.verify(alive);
    feed.revoke(session("s-1"));
    await until(() => statusOf(verifier).cursor === "c1", "the entry is in");
    expect(await refusalOf(verifier.verify(dead))).toEqual({ code: "invalid_token", reason: "revoked_session" });
    expect(await verifier.verify(alive)).toBe(aliveBefore);
    feed.revoke(session("s-2"));
    await until(() => statusOf(verifier).cursor === "c2", "the next entry is in");
    expect(await refusalOf(verifier.verify(alive))).toEqual({ code: "invalid_token", reason: "revoked_session" });
  });
});

describe("entries", () => {
  it("of one id count with the latest time, the larger epoch, the later until, in whatever order they come", async () => {
    feed.revoke(
      { kind: "subject", id: "u-1", before: clock(), until: later() },
      { kind: "subject", id: "u-1", before: clock() - 100, until: later() - 100 },
      { kind: "claims", id: "u-2", epoch: 5, until: later() },
      { kind: "claims", id: "u-2", epoch: 3, until: later() },
    );
    const verifier = makeVerifier();
    await verifier.ready();
    expect(await refusalOf(verifier.verify(issuer.issue({ sub: "u-1" })))).toMatchObject({ reason: "revoked_subject" });
    expect(await refusalOf(verifier.verify(issuer.issue({ sub: "u-2", claims_epoch: 4 })))).toMatchObject({
      reason: "old_claims",
    });
    expect(await refusalOf(verifier.verify(issuer.issue({ sub: "u-2" })))).toMatchObject({ reason: "old_claims" });
    await verifier.verify(issuer.issue({ sub: "u-2", claims_epoch: 5 }));
  });

  it("are forgotten when their time is over by the authority's clock", async () => {
    feed.revoke(
      { kind: "session", id: "s-1", until: clock() + 60 },
      { kind: "session", id: "s-2", until: clock() + 600 },
    );
    const verifier = makeVerifier();
    await verifier.ready();
    expect(statusOf(verifier).entries).toBe(2);
    clock.advance(61);
    for (let beat = 0; beat < 34; beat += 1) feed.beat();
    await until(() => statusOf(verifier).entries === 1, "one is forgotten");
    expect(await refusalOf(verifier.verify(issuer.issue({ sid: "s-2" })))).toMatchObject({ reason: "revoked_session" });
  });

  it("come in a snapshot of several batches, which is taken in whole before ready() resolves", async () => {
    feed.revoke(...Array.from({ length: 9 }, (_, number) => session(`s-${number}`)));
    const verifier = makeVerifier();
    await verifier.ready();
    expect(statusOf(verifier)).toMatchObject({ state: "following", entries: 9, cursor: "c9", ageSeconds: 0 });
    for (let number = 0; number < 9; number += 1) {
      expect(await refusalOf(verifier.verify(issuer.issue({ sid: `s-${number}` })))).toMatchObject({
        reason: "revoked_session",
      });
    }
  });

  it("stay when the authority has lost them", async () => {
    feed.revoke(session("s-1"));
    const verifier = makeVerifier();
    await verifier.ready();
    feed.stop();
    openFeed();
    await until(
      () => statusOf(verifier).reconnects > 0 && statusOf(verifier).cursor === "c0",
      "the other history is heard",
    );
    expect(await refusalOf(verifier.verify(issuer.issue({ sid: "s-1" })))).toMatchObject({ reason: "revoked_session" });
  });
});

describe("a verifier that was cut off", () => {
  it("goes on where it was, and misses nothing", async () => {
    const verifier = makeVerifier();
    await verifier.ready();
    const token = issuer.issue({ sid: "s-2" });
    await verifier.verify(token);
    feed.revoke(session("s-1"));
    await until(() => statusOf(verifier).cursor === "c1", "the first entry is heard");
    feed.cut();
    feed.revoke(session("s-2"));
    expect(await untilRefused(verifier, token)).toBe("revoked_session");
    expect(feed.asked).toEqual([undefined, "c1"]);
    expect(statusOf(verifier)).toMatchObject({ state: "following", entries: 2, cursor: "c2", reconnects: 1 });
  });

  it("hears what came while it was away, and while the feed failed", async () => {
    const verifier = makeVerifier();
    await verifier.ready();
    issuer.answerWith(FEED, answerText(503, "{}"));
    feed.cut();
    await until(() => statusOf(verifier).failure?.status === 503, "it fails");
    expect(statusOf(verifier).state).toBe("connecting");
    feed.revoke(session("s-1"), session("s-2"), session("s-3"));
    const token = issuer.issue({ sid: "s-2" });
    await verifier.verify(token);
    issuer.answerWith(FEED, feed.answer);
    expect(await untilRefused(verifier, token)).toBe("revoked_session");
    expect(feed.asked).toEqual([undefined, "c0"]);
    expect(statusOf(verifier).failure).toBeUndefined();
  });

  it("goes on after the server was restarted", async () => {
    const node = await startNode(feed.answer);
    const verifier = makeVerifier({ revocation: { urls: [node.url] } });
    await verifier.ready();
    await node.stop();
    feed.revoke(session("s-1"));
    await until(() => statusOf(verifier).failure?.reason === "unreachable", "it is noticed");
    await startNode(feed.answer, node.port);
    expect(await untilRefused(verifier, issuer.issue({ sid: "s-1" }))).toBe("revoked_session");
    expect(feed.asked).toEqual([undefined, "c0"]);
  });

  it("moves on to the next node at each failure, and goes on there", async () => {
    const [first, second] = [await startNode(feed.answer), await startNode(feed.answer)];
    const verifier = makeVerifier({ revocation: { urls: [first.url, second.url] } });
    await verifier.ready();
    await first.stop();
    feed.revoke(session("s-1"));
    const from = performance.now();
    expect(await untilRefused(verifier, issuer.issue({ sid: "s-1" }))).toBe("revoked_session");
    expect(performance.now() - from).toBeLessThan(2000);
    expect(feed.asked).toEqual([undefined, "c0"]);
  });

  it("notices a connection that is open and dead", { timeout: 15_000 }, async () => {
    feed.stop();
    const frozen = openFeed({ heartbeatMs: 1_000_000 });
    const verifier = makeVerifier();
    await verifier.ready();
    await until(() => frozen.asked.length === 2, "it connects anew", 8);
    expect(frozen.asked[1]).toBe("c0");
  });

  it("notices a gap, and asks for what it lacks", async () => {
    const verifier = makeVerifier();
    await verifier.ready();
    feed.sendRaw(`data: ${feed.sign({ after: "c7", cursor: "c8" })}\n\n`);
    await until(() => feed.asked.length === 2, "it connects anew");
    expect(feed.asked[1]).toBe("c0");
  });

  it("takes a replayed batch for what it was: no harm, and no news", async () => {
    const verifier = makeVerifier({ revocation: { onStale: "reject" } });
    await verifier.ready();
    const old = feed.sign();
    feed.stop();
    const replaying = await startNode((_, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" }).write(`data: ${old}\n\n`);
    });
    issuer.answerWith(FEED, (_, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write(`data: ${old}\n\n`);
    });
    const other = makeVerifier({ revocation: { onStale: "reject", urls: [replaying.url] } });
    clock.advance(40);
    await until(
      () => statusOf(verifier).reconnects > 0 && statusOf(verifier).failure === undefined,
      "it is heard again",
    );
    expect(statusOf(verifier)).toMatchObject({ state: "stale" });
    expect(statusOf(verifier).ageSeconds).toBeGreaterThanOrEqual(35);
    expect(await refusalOf(verifier.verify(issuer.issue()))).toMatchObject({ reason: "stale_revocations" });
    expect(await messageOf(other.ready())).toContain("is missing");
  });

  it("believes a key that was published just now", async () => {
    const verifier = makeVerifier();
    await verifier.ready();
    const next = generateSigningKey("ES256");
    issuer.publish([issuer.key, next]);
    const hits = issuer.hits(JWKS);
    clock.advance(2);
    feed.sendRaw(`data: ${feed.sign({ revocations: [session("s-1")] }, { key: next })}\n\n`);
    expect(await untilRefused(verifier, issuer.issue({ sid: "s-1" }))).toBe("revoked_session");
    expect(issuer.hits(JWKS)).toBe(hits + 1);
    expect(statusOf(verifier).reconnects).toBe(0);
  });
});

describe("where there are no streams", () => {
  it("the feed is polled each second", async () => {
    feed.stop();
    feed = openFeed({ hasStreams: false });
    const verifier = makeVerifier();
    await verifier.ready();
    expect(statusOf(verifier)).toMatchObject({ state: "polling", failure: undefined });
    feed.revoke(session("s-1"), session("s-2"), session("s-3"));
    const from = performance.now();
    expect(await untilRefused(verifier, issuer.issue({ sid: "s-1" }))).toBe("revoked_session");
    expect(performance.now() - from).toBeLessThan(2000);
    expect(feed.asked.slice(0, 3)).toEqual([undefined, undefined, "c0"]);
  });

  it(
    "since something in between holds them back, it is found out, and the feed is polled",
    { timeout: 15_000 },
    async () => {
      issuer.answerWith(FEED, (request, response) => {
        if (request.headers.accept === "application/json") feed.answer(request, response);
      });
      const verifier = makeVerifier();
      await verifier.ready();
      expect(statusOf(verifier).state).toBe("polling");
    },
  );
});

describe("an authority that takes 10 seconds for each answer of its feed", () => {
  it("holds up no request, and is followed in the end", { timeout: 30_000 }, async () => {
    feed.revoke(session("s-1"));
    issuer.answerWith(FEED, (request, response) => {
      setTimeout(() => feed.answer(request, response), 10_000).unref();
    });
    const verifier = makeVerifier();
    const from = performance.now();
    await verifier.verify(issuer.issue());
    expect(performance.now() - from).toBeLessThan(2000);
    await until(() => statusOf(verifier).entries === 1, "the feed is heard", 20);
  });
});

describe("garbage", () => {
  const streaming =
    (text: () => string | Uint8Array): Answer =>
    (_, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write(text());
    };
  const event = (jws: string): string => `data: ${jws}\n\n`;
  const entry = { revocations: [{ kind: "session", id: "session-1", until: 1_800_000_720 } as const] };
  const stranger = generateSigningKey("ES256");

  it.each<[string, string, () => Answer]>([
    ["a wrong signature", "bad_batch", () => streaming(() => event(`${feed.sign(entry).slice(0, -8)}AAAAAAAA`))],
    ["a stranger's key", "bad_batch", () => streaming(() => event(feed.sign(entry, { key: stranger })))],
    ["another type of token", "bad_batch", () => streaming(() => event(feed.sign(entry, { typ: "at+jwt" })))],
    ["an access token", "bad_batch", () => streaming(() => event(issuer.issue()))],
    ["another issuer", "bad_batch", () => streaming(() => event(feed.sign({ ...entry, iss: "https://evil.example" })))],
    ["the future", "bad_batch", () => streaming(() => event(feed.sign({ ...entry, iat: clock() + 6 })))],
    ["no time", "bad_batch", () => streaming(() => event(feed.sign({ ...entry, iat: 1.5 })))],
    [
      "a snapshot of whose parts one is withheld",
      "gap",
      () => streaming(() => event(feed.sign({ after: partCursor("c2", 1), cursor: "c2" }))),
    ],
    ["no end", "bad_batch", () => streaming(() => event(feed.sign({ ...entry, cursor: null })))],
    ["no token at all", "bad_batch", () => streaming(() => event("hello"))],
    ["nothing", "bad_batch", () => streaming(() => event(""))],
    ["a huge batch", "too_large", () => streaming(() => event("x".repeat(100_000)))],
    ["a line without end", "too_large", endless("x")],
    ["no UTF-8", "too_large", () => streaming(() => Uint8Array.from([0xff, 0xfe]))],
    ["a page", "not_a_feed", () => answerPage],
    ["other JSON", "not_a_feed", () => answerText(200, '{"batches":[]}')],
    ["half JSON", "not_a_feed", () => answerText(200, '{"batches":["')],
    ["numbers for batches", "not_a_feed", () => answerText(200, '{"batches":[1]}')],
    ["a redirect", "redirected", () => (_, response) => response.writeHead(302, { Location: "/other" }).end()],
    ["an error", "bad_status", () => answerText(500, "no")],
    [
      "an empty stream",
      "ended",
      () => (_, response) => response.writeHead(200, { "Content-Type": "text/event-stream" }).end(),
    ],
    ["a broken connection", "unreachable", () => (request) => request.socket.destroy()],
  ])("changes nothing, and ends nothing: %s", async (_, reason, makeAnswer) => {
    issuer.answerWith(FEED, makeAnswer());
    const verifier = makeVerifier();
    expect(await messageOf(verifier.ready())).toContain(`Revocations of ${issuer.url} cannot be followed: `);
    expect(statusOf(verifier)).toMatchObject({ state: "connecting", entries: 0, failure: { reason } });
    const token = issuer.issue();
    await verifier.verify(token);
    issuer.answerWith(FEED, feed.answer);
    await untilState(verifier, "following");
    feed.revoke(session("session-1"));
    expect(await untilRefused(verifier, token)).toBe("revoked_session");
  });

  function endless(text: string): () => Answer {
    return () => (_, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      const more = (): void => {
        while (!response.destroyed && response.write(text.repeat(10_000)));
      };
      response.on("drain", more);
      more();
    };
  }

  function answerPage(_: unknown, response: ServerResponse): void {
    response.writeHead(200, { "Content-Type": "text/html" }).end("<html>Sign in</html>");
  }
});

describe("who may follow", () => {
  const id = "reports api";
  const secret = "s3cret:+%&=/ \u00E9-of-at-least-32-characters";
  const basic = `Basic ${Buffer.from("reports+api:s3cret%3A%2B%25%26%3D%2F+%C3%A9-of-at-least-32-characters").toString(
    "base64",
  )}`;

  beforeEach(() => {
    feed.stop();
    feed = openFeed({ authorization: basic });
  });

  it("says so with its credentials", async () => {
    const verifier = makeVerifier({ revocation: { credentials: { id, secret } } });
    await verifier.ready();
    feed.revoke(session("s-1"));
    expect(await untilRefused(verifier, issuer.issue({ sid: "s-1" }))).toBe("revoked_session");
  });

  it("and has none, is off and says so, or is not ready where the feed was asked for", async () => {
    const verifier = makeVerifier();
    await verifier.ready();
    await verifier.verify(issuer.issue());
    expect(statusOf(verifier)).toMatchObject({ state: "off", failure: { reason: "no_credentials" } });
    expect(feed.asked).toEqual([]);
    expect(await messageOf(makeVerifier({ revocation: {} }).ready())).toContain(
      "revocation: { credentials: { id, secret } }",
    );
  });

  it("and has wrong ones, is told at once", async () => {
    const verifier = makeVerifier({ revocation: { credentials: { id, secret: "wrong" } } });
    expect(await messageOf(verifier.ready())).toContain("refuses revocation.credentials (401)");
    expect(statusOf(verifier)).toMatchObject({ state: "connecting", failure: { reason: "refused", status: 401 } });
  });

  it("is told where there is no feed", async () => {
    issuer.describe({});
    expect(await messageOf(makeVerifier({ revocation: {} }).ready())).toContain("resourceServers");
    const plain = makeVerifier();
    await plain.ready();
    expect(statusOf(plain)).toMatchObject({ state: "off", failure: undefined });
  });

  it("can turn it off", async () => {
    feed.stop();
    feed = openFeed();
    const verifier = makeVerifier({ revocation: false });
    await verifier.ready();
    await verifier.verify(issuer.issue());
    expect(statusOf(verifier).state).toBe("off");
    expect(feed.asked).toEqual([]);
  });

  it("shows its secret nowhere", async () => {
    const shown: string[] = [];
    for (const answer of [feed.answer, answerText(401, secret), answerText(500, secret), answerText(200, secret)]) {
      issuer.answerWith(FEED, answer);
      const verifier = makeVerifier({
        revocation: {
          credentials: { id, secret },
          onStale: "introspect",
          urls: [`${issuer.url}${FEED}?key=${secret}`],
        },
      });
      shown.push(
        await verifier.ready().then(
          () => "",
          (error: unknown) => inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error),
        ),
        inspect(verifier, { depth: 20, showHidden: true }),
        JSON.stringify(verifier.status()),
        inspect(await verifier.verify(issuer.issue()).catch((error: unknown) => error), {
          depth: 20,
          showHidden: true,
        }),
      );
    }
    for (const text of shown) {
      expect(text).not.toContain("s3cret");
      expect(text).not.toContain(basic.slice(10));
    }
  });
});

describe("while the authority is down for 10 minutes", () => {
  let introspected: string[];
  let answerIntrospection: (token: string, response: ServerResponse) => void;
  let stopIntrospection: () => Promise<void>;

  beforeEach(async () => {
    introspected = [];
    answerIntrospection = (_, response) => json(response, { active: true });
    const node = await startNode((request, response) => {
      request.setEncoding("utf8").once("data", (body: string) => {
        const form = new URLSearchParams(body);
        if (request.method !== "POST" || request.headers.authorization !== "Basic YXBpOnNlY3JldA==") {
          response.writeHead(401).end();
          return;
        }
        introspected.push(form.get("token") ?? "");
        answerIntrospection(form.get("token") ?? "", response);
      });
    });
    stopIntrospection = node.stop;
    issuer.describe({
      revocation_feed_endpoint: `${issuer.url}${FEED}`,
      revocation_feed_access: "public",
      introspection_endpoint: node.url,
    });
  });

  /** A verifier whose authority is gone, and has been for 10 minutes. */
  async function makeLeftAlone(
    onStale: "reject" | "introspect" | "accept-until-expiry" | undefined,
  ): Promise<{ verifier: Verifier; good: string; revoked: string }> {
    const credentials = { id: "api", secret: "secret" };
    const verifier = makeVerifier({ revocation: { onStale, credentials } });
    await verifier.ready();
    const exp = clock() + 1200;
    const [good, revoked] = [issuer.issue({ sid: "s-1", exp }), issuer.issue({ sid: "s-2", exp })];
    await verifier.verify(good);
    feed.revoke({ kind: "session", id: "s-2", until: clock() + 2000 });
    await untilRefused(verifier, revoked);
    feed.stop();
    issuer.answerWith(FEED, (request) => request.socket.destroy());
    issuer.answerWith(JWKS, (request) => request.socket.destroy());
    clock.advance(600);
    await untilState(verifier, "stale");
    expect(statusOf(verifier).ageSeconds).toBeGreaterThanOrEqual(600);
    expect(await refusalOf(verifier.verify(revoked))).toEqual({ code: "invalid_token", reason: "revoked_session" });
    return { verifier, good, revoked };
  }

  it.each(["accept-until-expiry", undefined] as const)(
    "good tokens are accepted until they expire (%s)",
    async (policy) => {
      const { verifier, good } = await makeLeftAlone(policy);
      await verifier.verify(good);
      clock.advance(606);
      expect(await refusalOf(verifier.verify(good))).toMatchObject({ code: "expired_token" });
      expect(introspected).toEqual([]);
    },
  );

  it("good tokens are answered 503 (reject), until the authority is back", async () => {
    const { verifier, good } = await makeLeftAlone("reject");
    expect(await refusalOf(verifier.verify(good))).toEqual({
      code: "unavailable",
      reason: "stale_revocations",
      retryAfterSeconds: 2,
    });
    issuer.answerWith(JWKS, undefined);
    openFeed();
    await untilState(verifier, "following", 10);
    await verifier.verify(good);
  });

  it("the authority is asked about good tokens, once for all who bring the same (introspect)", async () => {
    const { verifier, good } = await makeLeftAlone("introspect");
    await Promise.all(Array.from({ length: 20 }, () => verifier.verify(good)));
    await verifier.verify(good);
    expect(introspected).toEqual([good]);
    answerIntrospection = (_, response) => json(response, { active: false });
    await until(
      async () => {
        const outcome = await messageOf(verifier.verify(good));
        return outcome !== "fulfilled";
      },
      "the answer is asked for anew",
      2,
    );
    expect(await refusalOf(verifier.verify(good))).toEqual({
      code: "invalid_token",
      reason: "revoked_by_introspection",
    });
    expect(introspected).toEqual([good, good]);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ["fails", (response) => response.writeHead(500).end()],
    ["answers garbage", (response) => response.writeHead(200).end("<html>")],
    ["does not say", (response) => json(response, { inactive: true })],
    ["says it in words", (response) => json(response, { active: "true" })],
    ["never answers", () => undefined],
  ])("and it %s: 503 (introspect)", async (_, answer) => {
    const { verifier, good } = await makeLeftAlone("introspect");
    answerIntrospection = (__, response) => answer(response);
    const from = performance.now();
    expect(await refusalOf(verifier.verify(good))).toEqual({
      code: "unavailable",
      reason: "no_introspection",
      retryAfterSeconds: 2,
    });
    expect(performance.now() - from).toBeLessThan(3000);
  });

  it("and is gone altogether: 503 (introspect)", async () => {
    const { verifier, good } = await makeLeftAlone("introspect");
    await stopIntrospection();
    expect(await refusalOf(verifier.verify(good))).toMatchObject({ code: "unavailable", reason: "no_introspection" });
  });

  it("and is asked about many tokens: no more than 64 at once, and 503 for the others (introspect)", async () => {
    const { verifier } = await makeLeftAlone("introspect");
    const held: ServerResponse[] = [];
    answerIntrospection = (_, response) => held.push(response);
    const asked = Array.from({ length: 100 }, (_, number) =>
      messageOf(verifier.verify(issuer.issue({ jti: `t-${number}` }))),
    );
    await until(() => held.length === 64, "64 are asked about");
    for (const response of held) json(response, { active: true });
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((outcome) => outcome === "fulfilled").length).toBe(64);
    expect(outcomes.filter((outcome) => outcome.includes("no_introspection")).length).toBe(36);
    expect(introspected.length).toBe(64);
  });
});

describe("before anything was heard", () => {
  beforeEach(() => {
    issuer.answerWith(FEED, answerText(503, "{}"));
  });

  it("what is known counts as too old (reject)", async () => {
    const verifier = makeVerifier({ revocation: { onStale: "reject" } });
    expect(await refusalOf(verifier.verify(issuer.issue()))).toMatchObject({ code: "unavailable" });
    expect(statusOf(verifier)).toMatchObject({ state: "connecting", ageSeconds: undefined });
  });

  it("a token is good until it expires (accept-until-expiry)", async () => {
    const verifier = makeVerifier({ revocation: {} });
    await verifier.verify(issuer.issue());
    expect(statusOf(verifier)).toMatchObject({ state: "connecting", ageSeconds: undefined });
  });
});

describe("a verifier that is closed", () => {
  it("ends its connection, and makes no other", async () => {
    const verifier = makeVerifier();
    await verifier.ready();
    verifier.close();
    await until(() => feed.openStreams === 0, "the stream is ended");
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(feed.asked.length).toBe(1);
    expect(statusOf(verifier).state).toBe("off");
  });

  it("while it waits for the feed, is told so", async () => {
    issuer.answerWith(FEED, () => undefined);
    const verifier = makeVerifier();
    const ready = messageOf(verifier.ready());
    await until(() => issuer.hits(FEED) === 1, "it has asked");
    verifier.close();
    expect(await ready).toContain("closed");
  });
});

describe("a program that follows a feed and has done its work", () => {
  it.each([
    ["by a stream", true],
    ["by polling", false],
  ])("ends, although nobody closed the verifier: %s", { timeout: 20_000 }, async (_, hasStreams) => {
    feed.stop();
    issuer = await startIssuer();
    cleanUps.push(() => issuer.stop());
    feed = openFeed({ hasStreams, clock: () => Date.now() / 1000 });
    const program = `
      import { createVerifier } from "@latchkey/verifier";
      const verifier = createVerifier({ issuer: ${JSON.stringify(issuer.url)}, audience: ${JSON.stringify(AUDIENCE)} });
      await verifier.ready();
      await new Promise((resolve) => setTimeout(resolve, 300));
      process.stdout.write(verifier.status().revocation.state);
    `;
    const child = spawn(
      process.execPath,
      ["--conditions=@latchkey/source", "--disable-warning=ExperimentalWarning", "--input-type=module", "-e", program],
      { cwd: new URL("..", import.meta.url), stdio: ["ignore", "pipe", "inherit"], timeout: 15_000 },
    );
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const [code] = (await once(child, "exit")) as [number | null];
    expect({ code, output }).toEqual({ code: 0, output: hasStreams ? "following" : "polling" });
  });
});
