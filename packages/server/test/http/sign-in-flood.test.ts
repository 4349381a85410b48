import { describe, expect, it } from "vitest";

import type { Observer } from "../../src/index.ts";
import { createArgon2Hasher } from "../../src/index.ts";
import type { Answer } from "../authority.ts";
import { expectRefusal, granted, PASSWORD, startAuthority } from "../authority.ts";

describe("more sign-ins at once than there is room for", () => {
  it("OP-04: are answered 503 with Retry-After; refreshes go on, and so does the sign-in after them", async () => {
    const authority = await startAuthority({ passwordHasher: createArgon2Hasher({ concurrency: 1, maxWaiting: 2 }) });
    let { refresh_token: token } = await authority.signedIn();
    const login = (password: string): Promise<Answer> =>
      authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password } });

    const begun = performance.now();
    // Six times a hundred: none that was refused may count as a guess, of ten in a quarter of an hour, or a hundred in a row.
    for (let round = 0; round < 6; round++) {
      const flood = Array.from({ length: 100 }, () => login(PASSWORD));
      const refreshed = await authority.refresh(token);
      const answers = await Promise.all(flood);
      token = granted(refreshed).refresh_token;
      const refused = answers.filter(({ status }) => status !== 200);
      expect(answers.length - refused.length).toBe(3);
      for (const answer of refused) {
        expectRefusal(answer, 503, "unavailable");
        expect(answer.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
      }
    }
    // Said once in ten seconds. A line for each, with where it was thrown, was a third of the work of a flood.
    const lines = authority.logs.filter((line) => line.includes("turned away"));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(1 + (performance.now() - begun) / 10_000);
    expect(authority.logs.join("\n")).not.toContain("could not be answered");
    expect((await login(PASSWORD)).status).toBe(200);
    expectRefusal(await login("a password that is wrong"), 401, "invalid_credentials");
  });

  it("OP-04: cost the store nothing", async () => {
    const verbs: string[] = [];
    const observer: Observer = {
      observeRequest: (_request, answer) => answer(),
      observeStore: (verb, call) => (verbs.push(verb), call()),
      count: () => undefined,
    };
    const authority = await startAuthority({
      passwordHasher: createArgon2Hasher({ concurrency: 1, maxWaiting: 0 }),
      observer,
    });
    await authority.signedIn();
    const flood = Array.from({ length: 50 }, () =>
      authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password: PASSWORD } }),
    );
    verbs.length = 0;
    const answers = await Promise.all(flood);
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(49);
    expect(verbs.filter((verb) => verb === "accounts.findAccountByEmail")).toHaveLength(1);
  });

  it("PW-04: do not let more guesses through than may fail", async () => {
    const authority = await startAuthority({
      passwordHasher: createArgon2Hasher({ concurrency: 1, maxWaiting: 8 }),
      rateLimits: { consecutiveFailures: 5, delayPerAccount: { afterFailures: 1_000, seconds: 5 } },
    });
    await authority.signedIn();
    const guess = async (password: string): Promise<number> =>
      (await authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password } })).status;
    await Promise.all(Array.from({ length: 8 }, (_, n) => guess(`a wrong password, ${n}`)));
    expect(await guess(PASSWORD)).toBe(401);
  });
});
