import assert from "node:assert/strict";

import type { RecordedEvent } from "../ports/event-log.ts";
import type { SessionBackend } from "../ports/store.ts";
import {
  AWKWARD_TEXTS,
  create,
  endedAfter,
  eventsAfter,
  lastSequence,
  NOW,
  sampleId,
  sampleSession,
  sessionRevoked,
} from "./samples.ts";
import { asAppended, signedIn, signInFailed, userSessionsRevoked } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

export function describeEvents(test: StoreTest<SessionBackend>): void {
  test("events are listed as they were appended, in the order they were answered in, on whatever node", async (open) => {
    const nodes = [await open(), await open()] as const;
    const session = sampleSession();
    await nodes[0].sessions.createSession(session, signedIn(session));
    await nodes[1].events.appendEvent(signInFailed(null));
    await nodes[0].events.appendEvent(signInFailed(session.userId));
    await nodes[1].sessions.revokeSession(
      { sessionId: session.id, at: NOW, reason: "signed_out" },
      sessionRevoked(session),
    );

    for (const node of nodes) {
      assert.deepEqual(await eventsAfter(node, 0), [
        signedIn(session),
        signInFailed(null),
        signInFailed(session.userId),
        sessionRevoked(session),
      ]);
    }
  });

  test("events are numbered upwards, and listed after a number, at most as many as asked", async (open) => {
    const store = await open();
    const users = Array.from({ length: 7 }, () => sampleId());
    for (const userId of users) await store.events.appendEvent(signInFailed(userId));

    const all = await store.events.listEvents(0, 100);
    const numbers = all.map((event) => event.sequence);
    assert.deepEqual(
      all.map((event) => event.userId),
      users,
    );
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].toSorted((one, other) => one - other),
    );
    assert.ok(numbers.every((number) => Number.isSafeInteger(number) && number > 0));

    assert.deepEqual(await store.events.listEvents(0, 3), all.slice(0, 3));
    assert.deepEqual(await store.events.listEvents(numbers[2] ?? 0, 3), all.slice(3, 6));
    assert.deepEqual(await store.events.listEvents(numbers[6] ?? 0, 3), []);
    assert.deepEqual(await store.events.listEvents((numbers[6] ?? 0) + 1_000, 3), []);
  });

  test("the oldest events are purged up to a number and a time, at most so many, and numbers are not given again", async (open) => {
    const store = await open();
    for (const at of [NOW, NOW, NOW + 1, NOW + 2]) await store.events.appendEvent({ ...signInFailed(null), at });
    const numbers = async () => (await store.events.listEvents(0, 100)).map(({ sequence }) => sequence);
    const all = await numbers();
    const [first = 0, second = 0, third = 0, last = 0] = all;

    assert.equal(await store.events.purgeEvents({ through: last, before: NOW, limit: 10 }), 0);
    assert.equal(await store.events.purgeEvents({ through: first, before: NOW + 9, limit: 10 }), 1);
    assert.deepEqual(await numbers(), [second, third, last]);
    assert.equal(await store.events.purgeEvents({ through: last, before: NOW + 2, limit: 1 }), 1);
    assert.equal(await store.events.purgeEvents({ through: last, before: NOW + 2, limit: 10 }), 1);
    assert.deepEqual(await numbers(), [last]);
    assert.equal(await store.events.purgeEvents({ through: last, before: NOW + 9, limit: 10 }), 1);
    await store.events.appendEvent(signInFailed(null));
    assert.ok(((await numbers())[0] ?? 0) > last);
  });

  test("an event may hold any text", async (open) => {
    const store = await open();
    const events = AWKWARD_TEXTS.map((text) => ({ ...signInFailed(null), origin: { ip: null, userAgent: text } }));
    for (const event of events) await store.events.appendEvent(event);
    assert.deepEqual(await eventsAfter(store, 0), events);
  });

  test("a reader that goes on from the last number it saw misses nothing while nodes write at once", async (open) => {
    const nodes = [await open(), await open()] as const;
    const reader = await open();
    const written = new Set<string>();
    const write = async (writer: number): Promise<void> => {
      const node = nodes[writer % 2 === 0 ? 0 : 1];
      for (let round = 0; round < 15; round++) {
        const mark = `${writer}.${round}`;
        written.add(mark);
        if (round % 3 === 0) await create(node, { userId: mark });
        else await node.events.appendEvent(signInFailed(mark));
      }
    };
    let writing = true;
    const writers = Promise.all(Array.from({ length: 20 }, (_, writer) => write(writer))).finally(() => {
      writing = false;
    });

    const seen: RecordedEvent[] = [];
    const readOn = async () => seen.push(...(await reader.events.listEvents(seen.at(-1)?.sequence ?? 0, 50)));
    for (let round = 0; round < 5_000 && writing; round++) await readOn();
    await writers;
    for (let length = -1; length !== seen.length;) {
      length = seen.length;
      await readOn();
    }

    assert.deepEqual(new Set(seen.map((event) => event.userId)), written);
    assert.equal(seen.length, written.size);
    // Each writer wrote one after the other, so that is the order everybody reads.
    for (let writer = 0; writer < 20; writer++) {
      const rounds = seen.map((event) => event.userId ?? "").filter((mark) => mark.startsWith(`${writer}.`));
      assert.deepEqual(
        rounds,
        Array.from({ length: 15 }, (_, round) => `${writer}.${round}`),
      );
    }
    assert.deepEqual((await reader.events.listEvents(0, 10_000)).map(asAppended), seen.map(asAppended));
  });

  test("whoever watches is told soon of an ending, on whatever node, and no longer than asked", async (open) => {
    const nodes = [await open(), await open()] as const;
    const session = await create(nodes[0]);
    for (const [watching, ending] of [
      [nodes[0], nodes[0]],
      [nodes[1], nodes[0]],
    ] as const) {
      const { promise: told, resolve } = Promise.withResolvers<void>();
      let calls = 0;
      const before = await lastSequence(watching);
      const stop = watching.events.watch(() => {
        calls++;
        // It is a hint, which may come before its event, too, or for another one.
        void endedAfter(watching, before).then(
          (ended) => (ended.length > 0 ? resolve() : undefined),
          () => undefined,
        );
      });
      await create(ending, { userId: session.userId });
      await ending.sessions.revokeUserSessions(
        { userId: session.userId, exceptSessionId: null, at: NOW, reason: "signed_out_everywhere" },
        userSessionsRevoked(session.userId, null),
      );
      await told;

      stop();
      const heard = calls;
      await create(ending);
      await pause(150);
      assert.equal(calls, heard);
    }
  });
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
