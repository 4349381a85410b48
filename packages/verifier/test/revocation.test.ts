import type { Revocation } from "@latchkey/protocol";
import { createVerifier, type RevocationStatus, type Verifier, type VerifierOptions } from "@latchkey/verifier";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { FEED, startFeed, type TestFeed, type TestFeedOptions } from "./feed-on-loopback.ts";
import { AUDIENCE, listen, startIssuer, stopServer, type TestIssuer } from "./issuer-on-loopback.ts";
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

describe("a revocation on the feed", () => {
  it.each<[string, (now: number) => Revocation, object, object, { code: string; reason: string }]>([
    [
      "session",
      (now) => ({ kind: "session", id: "s-1", until: now + 720 }),
      { sid: "s-1" },
      { sid: "s-2" },
      { code: "invalid_token", reason: "revoked_session" },
    ],
    [
      "subject",
      (now) => ({ kind: "subject", id: "u-1", before: now - 10, until: now + 720 }),
      { sub: "u-1", iat: 1_799_999_990 },
      { sub: "u-1", iat: 1_799_999_991 },
      { code: "invalid_token", reason: "revoked_subject" },
    ],
    [
      "token",
      (now) => ({ kind: "token", id: "t-1", until: now + 720 }),
      { jti: "t-1" },
      { jti: "t-2" },
      { code: "invalid_token", reason: "revoked_token" },
    ],
    [
      "claims",
      (now) => ({ kind: "claims", id: "u-1", epoch: 2, until: now + 720 }),
      { sub: "u-1", claims_epoch: 1 },
      { sub: "u-1", claims_epoch: 2 },
      { code: "stale_token", reason: "old_claims" },
    ],
  ])("refuses what it names, and nothing else: %s", async (_, revocation, dead, alive, refusal) => {
    const verifier = makeVerifier();
    await verifier.ready();
    const [deadToken, aliveToken] = [issuer.issue(dead), issuer.issue(alive)];
    await verifier.verify(deadToken);
    feed.revoke(revocation(clock()));
    await untilRefused(verifier, deadToken);
    expect(await refusalOf(verifier.verify(deadToken))).toEqual(refusal);
    await verifier.verify(aliveToken);
  });
});

describe("a connection that was cut", () => {
  it("is taken up again where it was, and nothing is missed", async () => {
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
});
