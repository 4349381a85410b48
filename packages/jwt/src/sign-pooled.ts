import { availableParallelism } from "node:os";
import { getSigningMaterial, type SigningKey } from "./key.ts";
import { formatSigningInput, signInput, type SignJwtOptions, signJwt } from "./sign.ts";
import type { PooledSigner } from "./signature.ts";

/**
 * How many signatures may be under way in the pool; past that they are made here. Others use its threads too, and whatever
 * holds all of them up must hold up no more tokens than these.
 */
const maxUnderWay = 64;

/** On a single core another thread takes from this one what it gives. */
const isAlone = availableParallelism() === 1;

interface Wanted {
  readonly input: string;
  readonly key: SigningKey;
  readonly pooled: PooledSigner;
  readonly resolve: (token: string | Promise<string>) => void;
  readonly reject: (error: unknown) => void;
}

let wanted: Wanted[] = [];
let underWay = 0;

/**
 * As `signJwt`, for who can wait. What is asked for in one turn of the event loop is signed in the threads of libuv's pool where
 * it is enough to be worth it (two of RSA, P-384 or P-521, sixteen of P-256 or Ed25519), so that this thread goes on answering;
 * else here, before the turn is over. Where there is but one core, all are signed here.
 *
 * @returns rejects with what `signJwt` throws
 */
export async function signJwtPooled(claims: object, key: SigningKey, options: SignJwtOptions): Promise<string> {
  const { pooled } = getSigningMaterial(key).signer;
  if (pooled === undefined) return signJwt(claims, key, options);
  const input = formatSigningInput(claims, key, options.typ);
  return new Promise((resolve, reject) => {
    // Runs once all that has been answered in this turn has been taken up, and has asked for what it wants.
    if (wanted.length === 0) process.nextTick(signWanted);
    wanted.push({ input, key, pooled, resolve, reject });
  });
}

function signWanted(): void {
  const turn = wanted;
  wanted = [];
  for (const one of turn) {
    const { input, key, pooled, resolve, reject } = one;
    try {
      const isWorthIt = turn.length >= pooled.worthItFrom && underWay < maxUnderWay && !isAlone;
      resolve(isWorthIt ? signInPool(one) : signInput(input, key));
    } catch (error) {
      reject(error);
    }
  }
}

async function signInPool({ input, pooled }: Wanted): Promise<string> {
  underWay += 1;
  try {
    return `${input}.${await pooled.sign(Buffer.from(input, "latin1"))}`;
  } finally {
    underWay -= 1;
  }
}
