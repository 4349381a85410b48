import { createHook } from "node:async_hooks";
import { availableParallelism } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createJwtVerifier,
  generateSigningKey,
  JwtError,
  type JwtAlgorithm,
  type SigningKey,
  signJwtPooled,
  verificationKeyOf,
} from "@latchkey/jwt";
import { standardClaims, standardRules } from "./standard-token.ts";

/** How many signatures threads have answered. One that was made at once has no answer of its own. */
let answeredByThreads = 0;
const pending = new Set<number>();
const hook = createHook({
  init(id, type) {
    if (type === "SIGNREQUEST") pending.add(id);
  },
  before(id) {
    if (pending.delete(id)) answeredByThreads += 1;
  },
});
beforeAll(() => void hook.enable());
afterAll(() => void hook.disable());

const all: readonly JwtAlgorithm[] = [
  ...(["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
  ...(["ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const),
];

const sign = (key: SigningKey, n: number): Promise<string> =>
  signJwtPooled({ ...standardClaims, sub: `user_${n}` }, key, { typ: "at+jwt" });

const signMany = (count: number, key: SigningKey): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => sign(key, n)));

async function threadsUsedFor(work: () => Promise<unknown>): Promise<number> {
  const before = answeredByThreads;
  await work();
  return answeredByThreads - before;
}

describe.each(all)("%s", (alg) => {
  test.each([1, 3, 40])(
    "each of %i tokens that are asked for at once has its own claims and a good signature",
    async (count) => {
      const key = generateSigningKey(alg, { kid: "k1" });
      const verify = createJwtVerifier({ ...standardRules, keys: verificationKeyOf(key) });
      const verified = (await signMany(count, key)).map((token) => verify(token));
      expect(verified.map(({ claims }) => claims.sub)).toEqual(Array.from({ length: count }, (_, n) => `user_${n}`));
      expect(verified[0]?.header).toEqual({ alg, typ: "at+jwt", kid: "k1" });
    },
  );
});

test("tokens of different keys that are asked for at once are each signed with their own", async () => {
  const keys = (["ES256", "RS256", "EdDSA", "HS256", "ES384"] as const).map((alg) => generateSigningKey(alg));
  const tokens = await Promise.all(Array.from({ length: 50 }, (_, n) => sign(keys[n % keys.length] as SigningKey, n)));
  for (const [n, token] of tokens.entries()) {
    const keyOf = verificationKeyOf(keys[n % keys.length] as SigningKey);
    expect(createJwtVerifier({ ...standardRules, keys: keyOf })(token).claims.sub).toBe(`user_${n}`);
  }
});

describe.skipIf(availableParallelism() === 1)("threads", () => {
  test("sign what takes long where two are asked for in one turn: RSA, P-384 and P-521", async () => {
    for (const alg of ["RS256", "PS256", "ES384", "ES512"] as const) {
      const key = generateSigningKey(alg);
      expect(await threadsUsedFor(() => signMany(1, key))).toBe(0);
      expect(await threadsUsedFor(() => signMany(2, key))).toBe(2);
    }
  });

  test("sign with P-256 and Ed25519 where sixteen are asked for in one turn, and not for fewer", async () => {
    for (const alg of ["ES256", "EdDSA"] as const) {
      const key = generateSigningKey(alg);
      expect(await threadsUsedFor(() => signMany(15, key))).toBe(0);
      expect(await threadsUsedFor(() => signMany(16, key))).toBe(16);
    }
  });

  test("never sign with secrets", async () => {
    const key = generateSigningKey("HS256");
    expect(await threadsUsedFor(() => signMany(40, key))).toBe(0);
  });

  test("hold no more than 64 at a time: what comes past that is signed without them", async () => {
    const key = generateSigningKey("ES256");
    expect(await threadsUsedFor(() => signMany(100, key))).toBe(64);
    expect(await threadsUsedFor(() => signMany(64, key))).toBe(64);
  });

  test("leave this one free: what is asked for later is answered before what takes long", async () => {
    const slow = generateSigningKey("ES512");
    const answered: string[] = [];
    const many = signMany(16, slow).then(() => answered.push("slow"));
    const quick = new Promise<void>((resolve) => setImmediate(resolve)).then(() => answered.push("quick"));
    await Promise.all([many, quick]);
    expect(answered).toEqual(["quick", "slow"]);
  });
});

test("what signJwt refuses is refused, and takes nobody else's token with it", async () => {
  const key = generateSigningKey("ES256");
  const options = { typ: "at+jwt" };
  const good = signMany(10, key);
  for (const claims of [{ exp: Number.NaN }, { text: "x".repeat(70_000) }, [] as unknown as object]) {
    await expect(signJwtPooled(claims, key, options)).rejects.toThrow(JwtError);
  }
  await expect(signJwtPooled({}, { ...key }, options)).rejects.toThrow(JwtError);
  expect(new Set(await good).size).toBe(10);
});
