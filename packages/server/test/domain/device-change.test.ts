import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { judgeDeviceChange } from "../../src/domain/device-change.ts";
import { deviceFamilyOf, describeDevice } from "../../src/domain/device-family.ts";
import { formatPlace } from "../../src/domain/place.ts";

/** Browsers on systems, as a `User-Agent` of a version. */
const AGENTS: Readonly<Record<string, (version: number) => string>> = {
  "Chrome on Windows": (v) =>
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${v}.0.0.0 Safari/537.36`,
  "Microsoft Edge on Windows": (v) =>
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${v}.0.0.0 Safari/537.36 Edg/${v}.0.0.0`,
  "Firefox on Linux": (v) => `Mozilla/5.0 (X11; Linux x86_64; rv:${v}.0) Gecko/20100101 Firefox/${v}.0`,
  "Firefox on macOS": (v) => `Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:${v}.0) Gecko/20100101 Firefox/${v}.0`,
  "Chrome on Android": (v) =>
    `Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${v}.0.0.0 Mobile Safari/537.36`,
  "Safari on iOS": (v) =>
    `Mozilla/5.0 (iPhone; CPU iPhone OS ${v}_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/${v}.5 Mobile/15E148 Safari/604.1`,
  "Chrome on iOS": (v) =>
    `Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/${v}.0.6478.54 Mobile/15E148 Safari/604.1`,
};
const agentOf = (name: string, version: number): string => AGENTS[name]?.(version) ?? "";
const PROGRAMS = ["okhttp/4.12.0", "node", "curl/8.9.1", "MyApp/3.2 CFNetwork/1494.0.7 Darwin/23.4.0", ""];

const kind = fc.constantFrom(...Object.keys(AGENTS));
const version = fc.integer({ min: 20, max: 400 });
const agent = fc.tuple(kind, version).map(([name, of]) => agentOf(name, of));
const place = fc.option(fc.constantFrom("DE", "DE-BE", "DE-HH", "JP", "US-CA", "BR", "XK", "ZZ", "AU", "GB"));
const anything = fc.option(fc.oneof(agent, fc.constantFrom(...PROGRAMS), fc.string({ maxLength: 256 })));
const seconds = fc.integer({ min: 0, max: 40 * 86_400 });

const judge = (
  before: { device?: string | null; place?: string | null },
  now: { device?: string | null; place?: string | null },
  elapsedSeconds = 600,
) =>
  judgeDeviceChange({
    before: { device: null, place: null, ...before },
    now: { device: null, place: null, ...now },
    elapsedSeconds,
  });

describe("a device", () => {
  test("is named by browser and system", () => {
    for (const [name, of] of Object.entries(AGENTS)) expect(describeDevice(of(126))).toBe(name);
    for (const program of PROGRAMS) expect(deviceFamilyOf(program)).toEqual({ browser: null, system: null });
    expect(describeDevice(null)).toBeNull();
  });

  test("is never named in the words of whoever sent them (H-08)", () => {
    const hostile = [
      "<b>You won</b>/1 (x) ",
      "Click http://evil.example/1 now",
      "Fïrefox\u001b[31m/1 x",
      "a\r\nBcc: b/1 c",
    ];
    for (const userAgent of hostile) expect(describeDevice(userAgent)).toBeNull();
    fc.assert(
      fc.property(fc.string({ maxLength: 256 }), (text) => {
        expect(describeDevice(text) ?? "").toMatch(/^[\w .+!-]*$/);
      }),
    );
  });
});

describe("a change of device", () => {
  test("that leaves all signs as they are is plausible, whatever they are and however fast", () => {
    fc.assert(
      fc.property(anything, place, seconds, (device, where, elapsed) => {
        expect(judge({ device, place: where }, { device, place: where }, elapsed)).toBeUndefined();
      }),
    );
  });

  test("of the version alone is plausible: a browser or its system was updated, or set back", () => {
    fc.assert(
      fc.property(kind, version, version, (name, one, other) => {
        expect(judge({ device: agentOf(name, one) }, { device: agentOf(name, other) })).toBeUndefined();
      }),
    );
  });

  test("to another browser or another system is not", () => {
    fc.assert(
      fc.property(kind, kind, version, version, (name, other, one, two) => {
        fc.pre(name !== other);
        expect(judge({ device: agentOf(name, one) }, { device: agentOf(other, two) })).toBe("other_device");
      }),
    );
  });

  test("to a program, or to no name at all, is none of a browser's", () => {
    const device = AGENTS["Chrome on Windows"]?.(126) ?? "";
    for (const program of [...PROGRAMS, null]) expect(judge({ device }, { device: program })).toBe("other_device");
  });

  test("of what was no browser before is plausible: an app may say anything", () => {
    fc.assert(
      fc.property(fc.constantFrom(...PROGRAMS, null), anything, (before, now) => {
        expect(judge({ device: before }, { device: now })).toBeUndefined();
      }),
    );
  });

  test.each([
    [
      "a phone that asks for the desktop's page",
      "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    ],
    [
      "a tablet that asks for the desktop's page",
      "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    ],
  ])("of %s is plausible, both ways", (_name, one, other) => {
    expect(judge({ device: one }, { device: other })).toBeUndefined();
    expect(judge({ device: other }, { device: one })).toBeUndefined();
  });
});

describe("a change of place", () => {
  test("within a country is plausible: a mobile network changes addresses and regions at any time", () => {
    expect(judge({ place: "US-CA" }, { place: "US-NY" }, 0)).toBeUndefined();
    expect(judge({ place: "RU-KGD" }, { place: "RU-KAM" }, 0)).toBeUndefined();
  });

  test.each([
    ["DE", "FR"],
    ["ES", "MA"],
    ["SG", "MY"],
    ["US", "CA"],
    ["RU", "FI"],
    ["FR", "GB"],
  ])("from %s to %s, next to it, is plausible at any time, whatever lies between their centres", (one, other) => {
    expect(judge({ place: one }, { place: other }, 0)).toBeUndefined();
    expect(judge({ place: other }, { place: one }, 0)).toBeUndefined();
  });

  test.each([
    ["DE", "JP"],
    ["DE", "US"],
    ["NZ", "FJ"],
    ["GB", "AU"],
    ["BR", "IN"],
    ["ZA", "CN"],
  ])("from %s to %s within minutes is implausible, and within a day is not", (one, other) => {
    expect(judge({ place: one }, { place: other }, 600)).toBe("too_far");
    expect(judge({ place: other }, { place: one }, 600)).toBe("too_far");
    expect(judge({ place: one }, { place: other }, 86_400)).toBeUndefined();
  });

  test("is plausible where either place is not known", () => {
    fc.assert(
      fc.property(place, fc.constantFrom(null, "XK", "ZZ"), seconds, (known, unknown, elapsed) => {
        expect(judge({ place: known }, { place: unknown }, elapsed)).toBeUndefined();
        expect(judge({ place: unknown }, { place: known }, elapsed)).toBeUndefined();
      }),
    );
  });

  test("is judged alike both ways, and the more time passes the more is plausible", () => {
    fc.assert(
      fc.property(place, place, seconds, seconds, (one, other, elapsed, more) => {
        const verdict = judge({ place: one }, { place: other }, elapsed);
        expect(judge({ place: other }, { place: one }, elapsed)).toBe(verdict);
        const later = judge({ place: one }, { place: other }, elapsed + more);
        expect(verdict === undefined && later !== undefined).toBe(false);
      }),
    );
  });

  test("needs no more than a day, between any two countries", () => {
    fc.assert(
      fc.property(place, place, fc.integer({ min: 86_400, max: 10 * 86_400 }), (one, other, elapsed) => {
        expect(judge({ place: one }, { place: other }, elapsed)).toBeUndefined();
      }),
    );
  });
});

describe("a place", () => {
  test("is a country and at most a region, and nothing else a database may say", () => {
    expect(formatPlace({ country: "DE", region: "BE" })).toBe("DE-BE");
    expect(formatPlace({ country: "DE", region: "Berlin\r\n" })).toBe("DE");
    expect(formatPlace({ country: "DE" })).toBe("DE");
    const others = [undefined, null, { country: "de" }, { country: "DEU" }, { country: "D\n" }, {}, "DE"];
    for (const other of others) expect(formatPlace(other as never)).toBeNull();
  });
});
