import fc from "fast-check";
import { expect, test } from "vitest";
import { createJwtVerifier, generateSigningKey, signJws, signJwt, verificationKeyOf, verifyJws } from "@latchkey/jwt";
import { decodeAsciiSegment, decodeBase64url, isBase64url } from "../src/base64url.ts";
import { createScratchBuffer, withEncodingMethods } from "../src/scratch-buffer.ts";
import { parseStrictJsonObject } from "../src/strict-json.ts";
import { refusalOf } from "./refusal.ts";
import { standardClaims, standardRules } from "./standard-token.ts";

const algorithms = ["HS256", "HS384", "HS512", "ES256", "ES384", "ES512", "EdDSA"] as const;
const keys = algorithms.map((alg) => generateSigningKey(alg, { kid: "k1" }));
const anyKey = fc.constantFrom(...keys);

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.constantFrom(true, false, null, 1000, 1e21, 1e-7, 0.1),
    fc.array(tie("value"), { maxLength: 4 }),
    tie("object"),
  ),
  object: fc.dictionary(
    fc.string({ unit: "binary", maxLength: 6 }).filter((text) => text.isWellFormed() && text !== "__proto__"),
    tie("value"),
    { maxKeys: 5 },
  ),
})).object;

test("any claims come out of a token as they went in", () => {
  fc.assert(
    fc.property(json, anyKey, (extra, key) => {
      const claims = { ...extra, ...standardClaims, nbf: undefined };
      const verify = createJwtVerifier({ ...standardRules, keys: verificationKeyOf(key) });
      expect(verify(signJwt(claims, key, { typ: "at+jwt" })).claims).toEqual(JSON.parse(JSON.stringify(claims)));
    }),
  );
});

test("any octets come out of a JWS as they went in", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), anyKey, (octets, key) => {
      expect(Uint8Array.from(verifyJws(signJws(octets, key), verificationKeyOf(key)).payload)).toEqual(octets);
    }),
  );
});

test("any other character at any place of a token is refused", () => {
  const tokens = keys.map((key) => [key, signJwt(standardClaims, key, { typ: "at+jwt" })] as const);
  fc.assert(
    fc.property(
      fc.constantFrom(...tokens),
      fc.nat(),
      fc.string({ unit: "binary", minLength: 0, maxLength: 3 }),
      fc.nat(2),
      ([key, token], where, text, removed) => {
        const at = where % token.length;
        const changed = token.slice(0, at) + text + token.slice(at + removed);
        fc.pre(changed !== token);
        const verify = createJwtVerifier({ ...standardRules, keys: verificationKeyOf(key) });
        expect(refusalOf(() => verify(changed))).toBeDefined();
      },
    ),
    { numRuns: 2000 },
  );
});

test("a text is base64url exactly if it is the encoding of its own decoding", () => {
  const character = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(..."ABCDwxyz0189-_".split("")) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
  );
  const target = createScratchBuffer(100);
  fc.assert(
    fc.property(fc.array(character, { maxLength: 24 }), (characters) => {
      const text = characters.join("");
      const isCanonical = Buffer.from(text, "base64url").toString("base64url") === text;
      expect(isBase64url(text)).toBe(isCanonical);
      expect(decodeBase64url(text) !== undefined).toBe(isCanonical);
      // The quick decoder is only asked about ASCII without + and /.
      fc.pre(!/[^\0-\x7f]|[+/]/.test(text));
      expect(decodeAsciiSegment(text, target) !== -1).toBe(isCanonical);
    }),
    { numRuns: 5000 },
  );
});

test("a scratch buffer does what Buffer's documented methods do, also where it has to ask them", () => {
  const own = createScratchBuffer(64);
  const lacking = Object.assign(Buffer.alloc(64), { latin1Slice: undefined });
  const asking = withEncodingMethods(lacking as unknown as Buffer);
  expect([own, asking].map((buffer) => Object.hasOwn(buffer, "base64urlWrite"))).toEqual([false, true]);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 80 }), fc.nat(40), (text, start) => {
      const documented = Buffer.alloc(64);
      for (const scratch of [own, asking]) {
        scratch.fill(0);
        documented.fill(0);
        expect(scratch.latin1Write(text, start)).toBe(documented.write(text, start, "latin1"));
        expect(scratch.equals(documented)).toBe(true);
        expect(scratch.latin1Slice(start, 64)).toBe(documented.toString("latin1", start, 64));
        expect(scratch.base64urlWrite(text, start)).toBe(documented.write(text, start, "base64url"));
        expect(scratch.equals(documented)).toBe(true);
      }
    }),
  );
});

/** JSON text with all the freedom the grammar gives, and whether a name occurs twice in one object of it. */
interface FreeText {
  readonly text: string;
  readonly hasTwins: boolean;
}

const blank = fc.constantFrom("", "", "", "", " ", "\n", "\t ");
const name = fc.constantFrom('"a"', '"b"', '"\\u0061"', '""', '"a:b"', '"\\""', '"é"', '"abc"', '"1"');
const scalar = fc
  .oneof(
    fc.constantFrom(
      "1",
      "0",
      "-0",
      "-1",
      "1.0",
      "1e3",
      "1000",
      "1E3",
      "17e8",
      "1e15",
      "1E12",
      "123456",
      "1763708412",
      "1.5",
      "1e-7",
      "true",
      "false",
      "null",
    ),
    fc.constantFrom('""', '"x"', '":"', '"\\u0041"', '"\\\\"', '"\\"a\\":1"', '"{"', '"é"', '"xxxxxxxxxxxxxxx"', '","'),
  )
  .map((text): FreeText => ({ text, hasTwins: false }));

const freeText = fc.letrec<{ value: FreeText; object: FreeText }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    { weight: 5, arbitrary: scalar },
    fc.array(tie("value"), { maxLength: 3 }).map(arrayText),
    tie("object"),
  ),
  object: fc
    .tuple(fc.array(fc.tuple(name, blank, blank, tie("value")), { maxLength: 6 }), blank)
    .map(([members, space]) => objectText(members, space)),
})).object;

function arrayText(values: readonly FreeText[]): FreeText {
  return { text: `[${values.map(({ text }) => text).join(",")}]`, hasTwins: values.some(({ hasTwins }) => hasTwins) };
}

function objectText(members: readonly (readonly [string, string, string, FreeText])[], space: string): FreeText {
  const names = members.map(([text]) => JSON.parse(text) as string);
  return {
    text: `{${space}${members.map(([text, before, after, value]) => `${text}${before}:${after}${value.text}`).join(",")}}`,
    hasTwins: new Set(names).size < names.length || members.some(([, , , value]) => value.hasTwins),
  };
}

test("J-04: JSON text is refused exactly if a name occurs twice in an object of it, however it is written", () => {
  let withTwins = 0;
  fc.assert(
    fc.property(freeText, ({ text, hasTwins }) => {
      withTwins += Number(hasTwins);
      expect(parseStrictJsonObject(text) === undefined, text).toBe(hasTwins);
    }),
    { numRuns: 20_000 },
  );
  expect(withTwins).toBeGreaterThan(1000);
});
