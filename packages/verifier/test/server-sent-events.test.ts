import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createEventStreamParser } from "../src/revocation/server-sent-events.ts";

/** Reads the stream cut at these places. */
function readInPieces(stream: string, cuts: readonly number[], maxLength = 1000): readonly string[] | string {
  const bytes = Buffer.from(stream);
  const parser = createEventStreamParser(maxLength);
  const events: string[] = [];
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].toSorted((a, b) => a - b);
  for (const [index, place] of places.slice(1).entries()) {
    const read = parser.read(bytes.subarray(places[index], place));
    if (typeof read === "string") return read;
    events.push(...read);
  }
  return events;
}

describe("an event stream", () => {
  it("says the same in whatever pieces it comes, cut within characters and line ends too", () => {
    const line = fc.constantFrom("id: 7.x", ": a comment", "event: news", "retry: 10", "datax: no", "dat", "é€😀: 1");
    const data = fc.string({ unit: fc.constantFrom("a", "é", "€", "😀", ":", " "), maxLength: 12 });
    const event = fc.record({ before: fc.array(line, { maxLength: 3 }), data: fc.array(data, { maxLength: 2 }) });
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 6 }),
        fc.constantFrom("\n", "\r\n", "\r"),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.boolean(),
        (events, end, cuts, hasMark) => {
          const stream = events
            .map((one) => [...one.before, ...one.data.map((text) => `data: ${text}`), "", ""].join(end))
            .join("");
          const expected = events.filter((one) => one.data.length > 0).map((one) => one.data.join("\n"));
          expect(readInPieces((hasMark ? "\uFEFF" : "") + stream, cuts)).toEqual(expected);
        },
      ),
    );
  });

  it("is read byte by byte as well", () => {
    const stream = "id: 1\r\ndata: one\r\n\r\ndata:two\n\ndata: thr\u00E9e\r\r";
    expect(readInPieces(stream, [...Buffer.from(stream).keys()])).toEqual(["one", "two", "thr\u00E9e"]);
  });

  it("tells of no event that has not ended", () => {
    expect(readInPieces("data: one\n", [])).toEqual([]);
    expect(readInPieces("data: one\n\ndata: two", [])).toEqual(["one"]);
  });

  it.each([
    ["a line without an end", "x".repeat(5000)],
    ["a long line that ends", `${"x".repeat(5000)}\n`],
    ["an event of many lines", "data: 0123456789\n".repeat(500)],
  ])("is given up at %s, however it comes", (_, stream) => {
    expect(readInPieces(stream, [])).toBe("too_long");
    expect(readInPieces(stream, [...Buffer.from(stream).keys()])).toBe("too_long");
  });

  it("is given up where it is not UTF-8", () => {
    expect(createEventStreamParser(1000).read(Uint8Array.from([0x64, 0xff, 0x0a]))).toBe("not_utf8");
  });
});
