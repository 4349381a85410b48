import { describe, expect, it } from "vitest";

import { createArgon2Hasher, createSqliteStore } from "../../src/index.ts";
import type { TestAuthority } from "../authority.ts";
import { expectRefusal, PASSWORD, startAuthority } from "../authority.ts";
import { FOREIGN_HASHES } from "../foreign-hashes.ts";

const BCRYPT = FOREIGN_HASHES.find(({ kind }) => kind === "bcrypt 2b")?.hash ?? "";
const EMAIL = "ada@example.com";

/** An authority with one account, whose hash is from elsewhere. */
async function startWith(passwordHash: string): Promise<TestAuthority & { hash(): Promise<string | undefined> }> {
  const authority = await startAuthority({ passwordHasher: createArgon2Hasher() });
  const store = createSqliteStore({ path: authority.path });
  const user = {
    id: "imported",
    email: EMAIL,
    name: null,
    emailVerified: true,
    roles: [],
    claimsEpoch: 0,
    createdAt: 1,
    disabledAt: null,
  };
  const event = { type: "user_imported", userId: user.id, at: 1, origin: { ip: null, userAgent: null } } as const;
  await store.accounts.importAccounts([{ user, passwordHash, event }]);
  await store.close();
  return {
    ...authority,
    async hash() {
      const reader = createSqliteStore({ path: authority.path });
      const account = await reader.accounts.findAccountByEmail(EMAIL);
      await reader.close();
      return account?.passwordHash;
    },
  };
}

const login = (authority: TestAuthority, password = PASSWORD) =>
  authority.call("POST", "/auth/login", { json: { email: EMAIL, password } });

describe("an account whose password was hashed elsewhere, or with other costs", () => {
  it("PW-03: signs in, and has a hash of today from then on", async () => {
    const authority = await startWith(BCRYPT);
    expectRefusal(await login(authority, "another password altogether"), 401, "invalid_credentials");
    expect(await authority.hash()).toBe(BCRYPT);

    expect((await login(authority)).status).toBe(200);
    const upgraded = await authority.hash();
    expect(upgraded).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);

    expect((await login(authority)).status).toBe(200);
    expect(await authority.hash()).toBe(upgraded);
  });

  it("PW-03: a hash with the costs of yesterday is replaced as well", async () => {
    const yesterday = createArgon2Hasher({ costs: { memoryKib: 8_192, passes: 1, parallelism: 1 } });
    const authority = await startWith(await yesterday.hash(PASSWORD));
    expect((await login(authority)).status).toBe(200);
    expect(await authority.hash()).toContain("$m=19456,t=2,p=1$");
  });

  it("of five sign-ins at once all succeed, and one replaces the hash", async () => {
    const authority = await startWith(BCRYPT);
    const answers = await Promise.all(Array.from({ length: 5 }, () => login(authority)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 200));
    expect(await authority.hash()).toMatch(/^\$argon2id/);
    for (const { body } of answers) {
      const { refresh_token: token } = body as { refresh_token: string };
      expect((await authority.refresh(token)).status).toBe(200);
    }
  });

  it("changes the password at once after the first sign-in, which ends other sessions and not this one", async () => {
    const authority = await startWith(BCRYPT);
    const [mine, other] = [await login(authority), await login(authority)].map(
      ({ body }) => body as { access_token: string; refresh_token: string },
    );
    const changed = await authority.call("POST", "/auth/password", {
      json: { current_password: PASSWORD, new_password: "another password altogether" },
      token: mine?.access_token ?? "",
    });
    expect(changed.status).toBe(204);
    expect((await authority.refresh(mine?.refresh_token ?? "")).status).toBe(200);
    expectRefusal(await authority.refresh(other?.refresh_token ?? ""), 401, "session_ended");
  });
});

describe("a hash that is replaced while a password is checked", () => {
  it("RT-09: signs nobody in whose password was changed meanwhile", async () => {
    const hasher = createArgon2Hasher();
    let meanwhile: (() => Promise<unknown>) | undefined;
    const authority = await startWith(BCRYPT);
    const changing = await authority.restart({
      passwordHasher: {
        ...hasher,
        async verify(password, hash) {
          const isRight = await hasher.verify(password, hash);
          const change = meanwhile;
          meanwhile = undefined;
          await change?.();
          return isRight;
        },
      },
    });
    meanwhile = async () => {
      const store = createSqliteStore({ path: authority.path });
      const newHash = await hasher.hash("another password altogether");
      const event = { type: "password_changed", userId: "imported", keptSessionId: null, at: 2 } as const;
      await store.accounts.changePassword(
        { userId: "imported", expectedHash: BCRYPT, newHash, keepSessionId: null, at: 2 },
        { ...event, origin: { ip: null, userAgent: null } },
      );
      await store.close();
    };
    expectRefusal(await login(changing), 401, "invalid_credentials");
    expectRefusal(await login(changing), 401, "invalid_credentials");
    expect((await login(changing, "another password altogether")).status).toBe(200);
  });
});
