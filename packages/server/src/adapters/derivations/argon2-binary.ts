import type { hashRaw, hashRawSync, Options } from "@node-rs/argon2";

import type { Argon2idInput } from "./derivations.ts";

interface Argon2Binary {
  readonly hashRaw: typeof hashRaw;
  readonly hashRawSync: typeof hashRawSync;
}

let loading: Promise<Argon2Binary | undefined> | undefined;

/** More than twice as fast as Node's own Argon2id; not every platform has it. */
export function loadArgon2Binary(): Promise<Argon2Binary | undefined> {
  loading ??= import("@node-rs/argon2").catch(() => undefined);
  return loading;
}

/** Its default algorithm is Argon2id; the enum to say so is a `const enum`, which isolated modules cannot read. */
export function binaryOptions({ salt, memoryKib, passes, parallelism, tagBytes }: Argon2idInput): Options {
  return { salt, memoryCost: memoryKib, timeCost: passes, parallelism, outputLen: tagBytes };
}
