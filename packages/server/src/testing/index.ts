/**
 * `@latchkey/server/testing`: what every store must do, as tests. Whoever writes a store runs them against it:
 *
 *     import { describe, it } from "vitest";
 *     describeStoreContract({ describe, it }, { name: "mine", createDatabase });
 *
 * @module
 */
import type { SessionBackend, Store } from "../ports/store.ts";
import { describeAccounts } from "./account-contract.ts";
import { describeAudit } from "./audit-contract.ts";
import { describeConsumers } from "./consumer-contract.ts";
import { describeApiTokens } from "./api-token-contract.ts";
import { describeEvents } from "./event-contract.ts";
import { describeKeys } from "./key-contract.ts";
import { describeManagedUsers } from "./managed-users-contract.ts";
import { describeOneTimeUses } from "./one-time-contract.ts";
import { describeRedemption } from "./redemption-contract.ts";
import { describeRevocation } from "./revocation-contract.ts";
import { describeRotation } from "./rotation-contract.ts";
import { describeSessions } from "./session-contract.ts";
import { describeSessionLimit } from "./session-limit-contract.ts";
import { describeSessionsWithUsers } from "./session-with-user-contract.ts";
import { describeStatusPlaces } from "./status-place-contract.ts";
import type { StoreUnderTest, TestRunner } from "./test-database.ts";
import { storeTest } from "./test-database.ts";

export type { SessionBackend, Store } from "../ports/store.ts";
export type { StoreUnderTest, TestDatabase, TestRunner } from "./test-database.ts";

/** Everything a store of sessions, their events and one-time uses must do, for one that leaves accounts and keys to another. */
export function describeSessionStoreContract(runner: TestRunner, store: StoreUnderTest<SessionBackend>): void {
  const test = storeTest(runner, store);
  runner.describe(`${store.name} keeps the contract of session stores`, () => {
    runner.describe("sessions", () => describeSessions(test));
    runner.describe("the limit of sessions for a user", () => describeSessionLimit(test));
    runner.describe("rotation", () => describeRotation(test));
    runner.describe("redemption of codes", () => describeRedemption(test));
    runner.describe("revocation", () => describeRevocation(test));
    runner.describe("events", () => describeEvents(test));
    runner.describe("one-time uses", () => describeOneTimeUses(test));
  });
}

/** Everything a whole store must do: the contract of session stores, and that of accounts and keys. */
export function describeStoreContract(runner: TestRunner, store: StoreUnderTest<Store>): void {
  describeSessionStoreContract(runner, store);
  const test = storeTest(runner, store);
  runner.describe(`${store.name} keeps the contract of whole stores`, () => {
    runner.describe("accounts", () => describeAccounts(test));
    runner.describe("users, as administrators manage them", () => describeManagedUsers(test));
    runner.describe("API tokens", () => describeApiTokens(test));
    runner.describe("sessions with their users", () => describeSessionsWithUsers(test));
    runner.describe("keys", () => describeKeys(test));
    runner.describe("the audit log", () => describeAudit(test));
    runner.describe("consumers", () => describeConsumers(test));
    runner.describe("places in status lists", () => describeStatusPlaces(test));
  });
}
