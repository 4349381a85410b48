import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatBatch, parseBatch, type Revocation, type RevocationBatch } from "../src/index.ts";

const time = fc.nat();
const id = fc.string({ minLength: 1 });
const revocation: fc.Arbitrary<Revocation> = fc.oneof(
  fc.record({ kind: fc.constantFrom("session", "token", "key"), id, until: time }),
  fc.record({ kind: fc.constant("subject"), id, before: time, until: time }),
  fc.record({ kind: fc.constant("claims"), id, epoch: time, until: time }),
);
const cursor = fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/);
const batch: fc.Arbitrary<RevocationBatch> = fc.record({
  iss: fc.webUrl(),
  iat: time,
  after: fc.option(cursor),
  cursor,
  revocations: fc.array(revocation),
});

const claimsOf = (value: object): Record<string, unknown> =>
  JSON.parse(JSON.stringify(value)) as Record<string, unknown>;

describe("a batch of revocations", () => {
  it("is read as it was written, kind by kind", () => {
    fc.assert(
      fc.property(batch, (written) => {
        const read = parseBatch(claimsOf(formatBatch(written)));
        expect(read).toEqual({ ...written, revocations: expect.arrayContaining([...written.revocations]) });
        expect(read?.revocations).toHaveLength(written.revocations.length);
      }),
    );
  });

  const good = {
    iss: "https://id.example",
    iat: 1_800_000_000,
    after: null,
    cursor: "7.abc",
    session: [["s1", 1_800_000_700]],
  };

  it("may hold kinds and members that this reader does not know", () => {
    expect(parseBatch({ ...good, tenant: [["t", 1]], more: true })?.revocations).toHaveLength(1);
  });

  it.each([
    ["no issuer", { iss: undefined }],
    ["a time that is no whole number", { iat: 1.5 }],
    ["a negative time", { iat: -1 }],
    ["no cursor", { cursor: undefined }],
    ["a cursor that is null", { cursor: null }],
    ["a cursor with a line break", { cursor: "7\n8" }],
    ["a list that is none", { session: { s1: 1 } }],
    ["an entry that is no list", { session: ["s1"] }],
    ["an entry without its end", { session: [["s1"]] }],
    ["an entry whose id is no text", { session: [[1, 1_800_000_700]] }],
    ["a subject without its time", { subject: [["u1", 1_800_000_700]] }],
    ["claims without their epoch", { claims: [["u1", 1_800_000_700]] }],
  ])("is refused as a whole with %s", (_, fault) => {
    expect(parseBatch({ ...good, ...fault })).toBeUndefined();
  });
});
