import assert from "node:assert/strict";

import type { AuditRow, AuditStore } from "../ports/audit-store.ts";
import type { Store } from "../ports/store.ts";
import { AWKWARD_TEXTS, NOW, sampleId } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

const SOURCE = { sequence: 7, fingerprint: "abc" };

function rows(from: number, count: number, changes: Partial<AuditRow> = {}): readonly AuditRow[] {
  return Array.from({ length: count }, (_, index) => ({
    number: from + index,
    hash: `hash-${from + index}-${sampleId()}`,
    at: NOW + from + index,
    type: "signed_in",
    userId: null,
    sessionId: null,
    ip: null,
    content: `{"number":${from + index}}`,
    ...changes,
  }));
}

async function append(audit: AuditStore, added: readonly AuditRow[]): Promise<void> {
  const { head } = await audit.readState();
  assert.equal(await audit.append(head, added, SOURCE), true);
}

export function describeAudit(test: StoreTest<Store>): void {
  test("a log begins empty, with a name of its own that all nodes share", async (open) => {
    const [one, other] = [await open(), await open()];
    const state = await one.audit.readState();
    assert.match(state.logId, /^[0-9a-f]{32}$/);
    const beginning = { number: 0, hash: state.logId };
    assert.deepEqual(state, {
      logId: state.logId,
      base: beginning,
      head: beginning,
      source: { sequence: 0, fingerprint: "0" },
    });
    assert.deepEqual(await other.audit.readState(), state);
    assert.deepEqual(await one.audit.listEntries({ limit: 10 }), []);
  });

  test("entries are listed as they were appended, and the head and the source move along", async (open) => {
    const { audit } = await open();
    const added = rows(1, 5);
    await append(audit, added);
    assert.deepEqual(await audit.listEntries({ limit: 10 }), added);
    const { head, source } = await audit.readState();
    assert.deepEqual(head, { number: 5, hash: added[4]?.hash });
    assert.deepEqual(source, SOURCE);
  });

  test("only one of those who append after the same head does, on whatever node", async (open) => {
    const nodes = [await open(), await open(), await open()];
    const { head } = (await nodes[0]?.audit.readState()) ?? assert.fail();
    const attempts = await Promise.all(nodes.map((node) => node.audit.append(head, rows(1, 3), SOURCE)));
    assert.equal(attempts.filter(Boolean).length, 1);
    assert.equal((await nodes[0]?.audit.listEntries({ limit: 10 }))?.length, 3);
    assert.equal(await nodes[0]?.audit.append({ number: 3, hash: "another" }, rows(4, 1), SOURCE), false);
  });

  test("the source may move without an entry", async (open) => {
    const { audit } = await open();
    const { head } = await audit.readState();
    assert.equal(await audit.append(head, [], SOURCE), true);
    assert.deepEqual((await audit.readState()).head, head);
    assert.deepEqual((await audit.readState()).source, SOURCE);
  });

  test("entries are found by user, session, address, type and time, from either end", async (open) => {
    const { audit } = await open();
    const all = [
      ...rows(1, 2, { userId: "ada", sessionId: "one", ip: "192.0.2.1" }),
      ...rows(3, 2, { userId: "ada", sessionId: "two", type: "session_revoked", ip: "2001:db8::1" }),
      ...rows(5, 2, { type: "sign_in_failed", ip: "192.0.2.1" }),
    ];
    await append(audit, all);
    const numbers = async (query: object) =>
      (await audit.listEntries({ limit: 10, ...query })).map(({ number }) => number);

    assert.deepEqual(await numbers({ userId: "ada" }), [1, 2, 3, 4]);
    assert.deepEqual(await numbers({ sessionId: "two" }), [3, 4]);
    assert.deepEqual(await numbers({ ip: "192.0.2.1" }), [1, 2, 5, 6]);
    assert.deepEqual(await numbers({ types: ["session_revoked", "sign_in_failed"] }), [3, 4, 5, 6]);
    assert.deepEqual(await numbers({ types: [] }), []);
    assert.deepEqual(await numbers({ since: NOW + 2, until: NOW + 5 }), [2, 3, 4]);
    assert.deepEqual(await numbers({ userId: "ada", ip: "192.0.2.1", since: NOW + 2 }), [2]);
    assert.deepEqual(await numbers({ after: 4 }), [5, 6]);
    assert.deepEqual(await numbers({ before: 4, limit: 2 }), [3, 2]);
    assert.deepEqual(await numbers({ userId: "nobody" }), []);
    assert.deepEqual(await numbers({ userId: "' OR 1=1 --" }), []);
  });

  test("an entry may be of any text", async (open) => {
    const { audit } = await open();
    const added = AWKWARD_TEXTS.filter(({ length }) => length < 1_000).map((text, index) => ({
      ...(rows(index + 1, 1)[0] ?? assert.fail()),
      userId: text,
      ip: text,
    }));
    await append(audit, added);
    assert.deepEqual(await audit.listEntries({ limit: 100 }), added);
    for (const row of added) assert.deepEqual(await audit.listEntries({ userId: row.userId ?? "", limit: 5 }), [row]);
  });

  test("the oldest entries are removed up to a number, at most so many, and the base says which was last", async (open) => {
    const { audit } = await open();
    const added = rows(1, 9);
    await append(audit, added);
    assert.equal(await audit.removeEntries(5, 3), 3);
    assert.deepEqual((await audit.readState()).base, { number: 3, hash: added[2]?.hash });
    assert.equal(await audit.removeEntries(5, 3), 2);
    assert.equal(await audit.removeEntries(5, 3), 0);
    assert.deepEqual((await audit.readState()).base, { number: 5, hash: added[4]?.hash });
    assert.deepEqual(await audit.listEntries({ limit: 10 }), added.slice(5));
  });

  test("checkpoints are kept in the order of their numbers, for as long as their entries are", async (open) => {
    const { audit } = await open();
    await append(audit, rows(1, 9));
    for (const number of [8, 2, 5]) await audit.putCheckpoint({ number, jws: `jws ${number}` });
    await audit.putCheckpoint({ number: 5, jws: "another" });
    assert.deepEqual(await audit.listCheckpoints(), [
      { number: 2, jws: "jws 2" },
      { number: 5, jws: "another" },
      { number: 8, jws: "jws 8" },
    ]);
    await audit.removeEntries(4, 10);
    assert.deepEqual(
      (await audit.listCheckpoints()).map(({ number }) => number),
      [5, 8],
    );
  });
}
