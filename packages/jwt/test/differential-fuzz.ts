/**
 * Differential fuzzing: generated and damaged tokens, each given to this package and to jose. Every disagreement must be one of
 * the rules in `stricterThanJose`; a token that only jose refuses is always a failure.
 *
 *     node --conditions=@latchkey/source packages/jwt/test/differential-fuzz.ts 100000 [seed]
 *
 * The tests run a few thousand with a fixed seed.
 */
import * as crypto from "node:crypto";
import { errors, importJWK, type JWK, jwtVerify } from "jose";
import {
  createJwtVerifier,
  exportPrivateJwk,
  exportPrivatePem,
  exportPublicJwk,
  generateSigningKey,
  JwtError,
  type JwtErrorCode,
  verificationKeyOf,
  type VerifiedJwt,
} from "@latchkey/jwt";
import { now, standardClaims, standardRules } from "./standard-token.ts";

interface Stricter {
  readonly why: string;
  /** What such a token is refused with here. */
  readonly codes: readonly JwtErrorCode[];
}

/** Why a token that jose accepts is refused here: the rule, by what is odd about the token. */
export const stricterThanJose = {
  "another spelling": {
    why: "base64url in one spelling: no padding, white space, spare bits or second alphabet (RFC 7515 §2, RFC 4648 §3.5)",
    codes: ["malformed_token"],
  },
  "duplicate name": {
    why: "names that occur twice are refused, where jose takes the last (RFC 7515 §4, RFC 7519 §4)",
    codes: ["malformed_token"],
  },
  "byte order mark": { why: "a byte order mark is no JSON (RFC 8259 §8.1)", codes: ["malformed_token"] },
  "lone surrogate": { why: "escaped lone surrogates are no text (RFC 7493 §2.1)", codes: ["malformed_token"] },
  "deep nesting": { why: "at most 32 levels", codes: ["malformed_token"] },
  "infinite number": { why: "no double holds 1e999 (RFC 7493 §2.2)", codes: ["malformed_token"] },
  "far date": {
    why: "dates after the year 9999 are milliseconds by mistake, or tokens made to live for ever",
    codes: ["invalid_claim"],
  },
  "future iat": {
    why: "a token issued in the future is refused (ASVS 9.2.1); jose asks only with maxTokenAge",
    codes: ["not_yet_valid"],
  },
  "b64, zip or enc": {
    why: "refused whether or not crit lists them (RFC 7797 §6; JWE only)",
    codes: ["unsupported_header"],
  },
  "other kid": {
    why: "the kid must be the key's where both have one; jose leaves kid to the key function",
    codes: ["unknown_key"],
  },
  "odd kid, typ or claim": {
    why: "kid, typ, sub and jti are text where present, aud is text or a list of text, iat is a number",
    codes: ["malformed_token", "invalid_claim"],
  },
} as const satisfies Readonly<Record<string, Stricter>>;

type Rule = keyof typeof stricterThanJose;

interface Case {
  readonly token: string;
  readonly alg: string;
  readonly rules: ReadonlySet<Rule>;
}

type Random = (below: number) => number;

/** mulberry32: small, seeded, and good enough to choose with. */
function createRandom(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function pick<T>(random: Random, items: readonly [T, ...T[]]): T {
  return items[random(items.length)] ?? items[0];
}

interface Subject {
  readonly alg: "HS256" | "ES256" | "RS256" | "PS256" | "EdDSA";
  readonly sign: (input: Buffer) => Buffer;
  readonly verifyHere: (token: string) => VerifiedJwt;
  readonly verifyJose: (token: string) => Promise<unknown>;
}

async function createSubject(alg: Subject["alg"]): Promise<Subject> {
  const key = generateSigningKey(alg, { kid: "k1" });
  const jwk = alg === "HS256" ? exportPrivateJwk(key) : exportPublicJwk(key);
  const joseKey = await importJWK(jwk as JWK, alg);
  const options = {
    algorithms: [alg],
    issuer: standardClaims.iss,
    audience: standardClaims.aud,
    typ: "at+jwt",
    requiredClaims: ["exp", "iat"],
    currentDate: new Date(now * 1000),
    clockTolerance: 5,
  };
  return {
    alg,
    sign: createSign(alg, alg === "HS256" ? Buffer.from(jwk.k ?? "", "base64url") : exportPrivatePem(key)),
    verifyHere: createJwtVerifier({ ...standardRules, keys: verificationKeyOf(key) }),
    verifyJose: (token) => jwtVerify(token, joseKey, options),
  };
}

/** Signs without a line of the code under test. */
function createSign(alg: Subject["alg"], key: Buffer | string): (input: Buffer) => Buffer {
  if (alg === "HS256") return (input) => crypto.createHmac("sha256", key).update(input).digest();
  const privateKey = crypto.createPrivateKey(key);
  if (alg === "EdDSA") return (input) => crypto.sign(null, input, privateKey);
  if (alg === "ES256") return (input) => crypto.sign("sha256", input, { key: privateKey, dsaEncoding: "ieee-p1363" });
  if (alg === "RS256") return (input) => crypto.sign("sha256", input, privateKey);
  const padding = crypto.constants.RSA_PKCS1_PSS_PADDING;
  return (input) => crypto.sign("sha256", input, { key: privateKey, padding, saltLength: 32 });
}

/** Texts of JSON members to add to a header, with the rule that is then broken, if any. */
const headerMembers: readonly [readonly [string, Rule?], ...(readonly [string, Rule?])[]] = [
  ['"x":1'],
  ['"x":{"y":[1,2,{"z":null}]}'],
  ['"x" : "\\u0041"'],
  ['"jwk":{"kty":"oct","k":"AA"}'],
  ['"jku":"https://attacker.example"'],
  ['"cty":"x"'],
  ['"crit":["exp"]'],
  ['"crit":[]'],
  ['"crit":"x"'],
  ['"crit":["b64"],"b64":true', "b64, zip or enc"],
  ['"b64":false', "b64, zip or enc"],
  ['"b64":true', "b64, zip or enc"],
  ['"zip":"DEF"', "b64, zip or enc"],
  ['"enc":"A128GCM"', "b64, zip or enc"],
  ['"typ":"at+jwt"', "duplicate name"],
  ['"alg":"none"', "duplicate name"],
  ['"x":1,"x":2', "duplicate name"],
  ['"x":"\\ud800"', "lone surrogate"],
  ['"__proto__":{"typ":"x"}'],
  ['"x":1e999', "infinite number"],
];

const claimMembers: readonly [readonly [string, Rule?], ...(readonly [string, Rule?])[]] = [
  ['"x":1'],
  ['"x":[[],{},[{"y":"z"}]]'],
  ['"x":-1.5e-7'],
  ['"x" : 1000'],
  ['"\\u0078":"\\"x\\":1"'],
  ['"é":"世界🔑"'],
  ['"x":"\\ud83d\\udd11"'],
  ['"__proto__":{"admin":true}'],
  ['"nbf":0'],
  [`"nbf":${now + 4}`],
  [`"nbf":${now + 6}`],
  ['"nbf":"0"'],
  ['"nbf":null'],
  ['"x":1,"x":1', "duplicate name"],
  ['"sub":"other"', "duplicate name"],
  [`"exp":${now + 9}`, "duplicate name"],
  ['"x":{"a":1,"b":{},"a":2}', "duplicate name"],
  ['"x":[{"a":1,"\\u0061":2}]', "duplicate name"],
  ['"x":"\\udc00"', "lone surrogate"],
  ['"x":{"\\ud800":1}', "lone surrogate"],
  ['"x":1e999', "infinite number"],
  [`"x":${"[".repeat(40)}${"]".repeat(40)}`, "deep nesting"],
  [`"x":${"[".repeat(31)}${"]".repeat(31)}`],
  ['"x":01'],
  ['"x":'],
  ['"x":tru'],
  ['"x":"\n"'],
  ['"x":1,'],
];

const claimChanges: readonly [readonly [object, Rule?], ...(readonly [object, Rule?])[]] = [
  [{ exp: now }],
  [{ exp: now - 4 }],
  [{ exp: now - 5 }],
  [{ exp: now - 6 }],
  [{ exp: 0 }],
  [{ exp: -1 }],
  [{ exp: now + 0.5 }],
  [{ exp: String(now + 600) }],
  [{ exp: null }],
  [{ exp: [now + 600] }],
  [{ exp: undefined }],
  [{ exp: 9e15 }, "far date"],
  [{ exp: (now + 600) * 1000 }, "far date"],
  [{ iat: now + 4 }],
  [{ iat: now + 600 }, "future iat"],
  [{ iat: undefined }],
  [{ iat: "x" }],
  [{ iat: 0 }],
  [{ iat: null }, "odd kid, typ or claim"],
  [{ iss: "https://auth.example.com/" }],
  [{ iss: ["https://auth.example.com"] }],
  [{ iss: undefined }],
  [{ aud: undefined }],
  [{ aud: [] }],
  [{ aud: ["x", "https://api.example.com"] }],
  [{ aud: ["https://api.example.com", 5] }, "odd kid, typ or claim"],
  [{ aud: { x: 1 } }],
  [{ aud: "x" }],
  [{ sub: 5 }, "odd kid, typ or claim"],
  [{ sub: null }, "odd kid, typ or claim"],
  [{ jti: 5 }, "odd kid, typ or claim"],
  [{}],
];

const headerChanges: readonly [readonly [object, Rule?], ...(readonly [object, Rule?])[]] = [
  [{ typ: "AT+JWT" }],
  [{ typ: "application/at+jwt" }],
  [{ typ: "JWT" }],
  [{ typ: undefined }],
  [{ typ: 5 }],
  [{ typ: "text/at+jwt" }],
  [{ kid: undefined }],
  [{ kid: "k2" }, "other kid"],
  [{ kid: 5 }, "odd kid, typ or claim"],
  [{ kid: "k".repeat(300) }, "odd kid, typ or claim"],
  [{ alg: "none" }],
  [{ alg: "HS512" }],
  [{ alg: undefined }],
  [{ alg: 5 }],
  [{}],
];

function generate(random: Random, { alg, sign }: Subject): Case {
  const rules = new Set<Rule>();
  const note = (rule: Rule | undefined) => rule !== undefined && rules.add(rule);
  const part = (base: object, changes: typeof claimChanges, members: typeof claimMembers): Buffer => {
    let object = base;
    if (random(3) === 0) {
      const [change, rule] = pick(random, changes);
      object = { ...object, ...change };
      note(rule);
    }
    let text = JSON.stringify(object, null, random(8) === 0 ? 1 : undefined);
    for (let count = random(3) === 0 ? 1 + random(2) : 0; count > 0; count--) {
      const [member, rule] = pick(random, members);
      note(rule);
      text = `${text.slice(0, -1)},${member}}`;
    }
    let bytes = Buffer.from(text);
    if (random(40) === 0) {
      bytes = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]);
      note("byte order mark");
    }
    if (random(40) === 0) bytes[random(bytes.length)] = random(256);
    return bytes;
  };
  const header = part({ alg, typ: "at+jwt", kid: "k1" }, headerChanges, headerMembers);
  const payload = part(standardClaims, claimChanges, claimMembers);
  let input = `${header.toString("base64url")}.${payload.toString("base64url")}`;
  if (random(10) === 0) input = damage(random, input);
  let token = `${input}.${sign(Buffer.from(input)).toString("base64url")}`;
  if (random(4) === 0) token = damage(random, token);
  if (token.split(".").some((segment) => Buffer.from(segment, "base64url").toString("base64url") !== segment))
    rules.add("another spelling");
  for (const rule of rulesOf(token)) rules.add(rule);
  return { token, alg, rules };
}

/** What is odd about the finished token, read as leniently as jose reads it. */
function rulesOf(token: string): readonly Rule[] {
  const [header = "", payload = ""] = token.split(".").map((segment) => Buffer.from(segment, "base64url").toString());
  const { kid } = parse(header);
  const { iat, exp } = parse(payload);
  const found: Rule[] = [];
  if (kid !== undefined && kid !== "k1") found.push("other kid");
  if (typeof iat === "number" && iat > now + 5) found.push("future iat");
  if (typeof exp === "number" && exp > 253_402_300_799) found.push("far date");
  if (hasTwins(header) || hasTwins(payload)) found.push("duplicate name");
  return found;
}

/** Whether a name occurs twice anywhere: more than is refused, but an explanation needs no more. */
function hasTwins(json: string): boolean {
  const names = [...json.matchAll(/("(?:[^"\\]|\\.)*")\s*:/g)].map(
    ([, name]) => parse(`{"name":${name ?? '""'}}`)["name"],
  );
  return new Set(names).size < names.length;
}

function parse(json: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(json) ?? {}) as Record<string, unknown>;
  } catch {
    return {}; // no JSON: both refuse it
  }
}

const characters = "ABCxyz019-_+/=. \n\t.é\0ŁĀ%";

function damage(random: Random, text: string): string {
  const at = random(text.length);
  const character = characters[random(characters.length)] ?? "";
  switch (random(7)) {
    case 0:
      return text.slice(0, at) + character + text.slice(at);
    case 1:
      return text.slice(0, at) + character + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + text.slice(at + 1);
    case 3:
      return text + character;
    case 4:
      return text.slice(0, at);
    case 5:
      return text.slice(0, -1) + (characters[random(9)] ?? "");
    default:
      return text
        .split(".")
        .toSorted(() => random(3) - 1)
        .join(".");
  }
}

export interface FuzzReport {
  readonly tokens: number;
  readonly acceptedByBoth: number;
  readonly refusedByBoth: number;
  /** How often each rule was the reason for a disagreement (one token may break several). */
  readonly explained: Readonly<Record<string, number>>;
  /** Disagreements that no rule explains, and tokens that only jose refuses. */
  readonly unexplained: readonly string[];
}

export async function fuzz(count: number, seed: number): Promise<FuzzReport> {
  const random = createRandom(seed);
  const subjects = (await Promise.all((["HS256", "ES256", "EdDSA", "RS256", "PS256"] as const).map(createSubject))) as [
    Subject,
    ...Subject[],
  ];
  const explained: Record<string, number> = {};
  const unexplained: string[] = [];
  let acceptedByBoth = 0;
  let refusedByBoth = 0;
  for (let number = 0; number < count; number++) {
    // RSA and PSS signatures take long; most of what is fuzzed does not depend on the algorithm.
    const subject = random(20) === 0 ? pick(random, subjects) : (subjects[random(3)] ?? subjects[0]);
    const { token, rules } = generate(random, subject);
    const here = verdictHere(subject, token);
    const jose = await verdictOfJose(subject, token);
    if (here.accepted && jose === "accepted") acceptedByBoth++;
    else if (!here.accepted && jose !== "accepted") refusedByBoth++;
    else if (here.accepted || !isExplained(here.text, rules)) {
      unexplained.push(`${number} ${subject.alg}: here ${here.text}, jose ${jose}: ${JSON.stringify(token)}`);
    } else for (const rule of rules) explained[rule] = (explained[rule] ?? 0) + 1;
  }
  return { tokens: count, acceptedByBoth, refusedByBoth, explained, unexplained };
}

function isExplained(code: string, rules: ReadonlySet<Rule>): boolean {
  return [...rules].some((rule) => stricterThanJose[rule].codes.some((expected) => expected === code));
}

function verdictHere({ verifyHere }: Subject, token: string): { readonly accepted: boolean; readonly text: string } {
  try {
    verifyHere(token);
    return { accepted: true, text: "accepted" };
  } catch (error) {
    if (error instanceof JwtError) return { accepted: false, text: error.code };
    throw error;
  }
}

async function verdictOfJose({ verifyJose }: Subject, token: string): Promise<string> {
  try {
    await verifyJose(token);
    return "accepted";
  } catch (error) {
    // jose lets some errors of decoders and key types through as they are.
    return error instanceof errors.JOSEError ? error.code : error instanceof Error ? error.name : "error";
  }
}

if (import.meta.main) {
  const count = Number(process.argv[2] ?? 20_000);
  const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
  const report = await fuzz(count, seed);
  process.stdout.write(`${JSON.stringify({ seed, ...report }, null, 2)}\n`);
  process.exitCode = report.unexplained.length === 0 ? 0 : 1;
}
