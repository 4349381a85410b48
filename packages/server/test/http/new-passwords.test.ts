import { describe, expect, it } from "vitest";

import type { PasswordOptions } from "../../src/index.ts";
import { createPwnedPasswords, createSqliteStore } from "../../src/index.ts";
import { expectRefusal, PASSWORD, startAuthority } from "../authority.ts";
import { startRangeServer } from "../range-server.ts";

const BREACHED = "a phrase that was leaked";
const REASON = "This password is known from breaches of other services. Choose another, and change it there, too.";

async function start(onUnavailable?: "allow" | "refuse") {
  const range = await startRangeServer([BREACHED]);
  const passwords: PasswordOptions = {
    breached: {
      screening: createPwnedPasswords({ url: range.url, timeoutMs: 5_000 }),
      ...(onUnavailable !== undefined && { onUnavailable }),
    },
  };
  return { range, authority: await startAuthority({ passwords }) };
}

describe("a new password, where breached ones are looked up", () => {
  it("PW-02: a breached one is refused at sign-up and at a change, with the reason; at sign-in nobody is asked", async () => {
    const { authority, range } = await start();
    const signUp = { json: { email: "ada@example.com", password: BREACHED } };
    const refused = await authority.call("POST", "/auth/signup", signUp);
    expectRefusal(refused, 400, "weak_password");
    expect(refused.body).toMatchObject({ reasons: [REASON] });

    const session = await authority.signedIn();
    expect(range.requests).toHaveLength(2);
    const change = (new_password: string) =>
      authority.call("POST", "/auth/password", {
        json: { current_password: PASSWORD, new_password },
        token: session.access_token,
      });
    expectRefusal(await change(BREACHED), 400, "weak_password");
    expect((await change("a phrase that was not leaked")).status).toBe(204);
  });

  it("is allowed while nobody can be asked, with a warning and an event", async () => {
    const { authority, range } = await start();
    await range.close();
    const answer = await authority.call("POST", "/auth/signup", {
      json: { email: "ada@example.com", password: BREACHED },
    });
    expect(answer.status).toBe(201);
    const warnings = authority.logs.filter((line) => line.startsWith("warn"));
    expect(warnings).toEqual([expect.stringContaining("breached passwords cannot be looked up: allow")]);
    expect(warnings.join()).not.toContain(BREACHED);
    const store = createSqliteStore({ path: authority.path });
    const types = (await store.events.listEvents(0, 100)).map(({ type }) => type);
    await store.close();
    expect(types).toContain("password_screening_skipped");
  });

  it("is refused then where the operator chose so: 503 with Retry-After, and no account", async () => {
    const { authority, range } = await start("refuse");
    range.answerWith = "error";
    const json = { email: "ada@example.com", password: PASSWORD };
    const answer = await authority.call("POST", "/auth/signup", { json });
    expectRefusal(answer, 503, "unavailable");
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    expectRefusal(await authority.call("POST", "/auth/login", { json }), 401, "invalid_credentials");
  });

  it("PW-05: is looked up whether or not the address has an account", async () => {
    const { authority, range } = await start();
    await authority.signedIn();
    const asked = async (email: string): Promise<number> => {
      const before = range.requests.length;
      await authority.call("POST", "/auth/signup", { json: { email, password: BREACHED } });
      return range.requests.length - before;
    };
    expect(await asked("ada@example.com")).toBe(await asked("nobody@example.com"));
  });
});

describe("a new password", () => {
  it("PW-02: is not built from what the operator calls the service", async () => {
    const authority = await startAuthority({ passwords: { serviceNames: ["Grand Budapest"] } });
    const answer = await authority.call("POST", "/auth/signup", {
      json: { email: "ada@example.com", password: "budapest-grand-1932" },
    });
    expectRefusal(answer, 400, "weak_password");
  });
});
