/** Slow by design: what password hashes are made with. All come off the main thread. */
export interface Derivations {
  /** The raw Argon2id tag. */
  argon2id(input: Argon2idInput): Promise<Uint8Array>;
  scrypt(input: ScryptInput): Promise<Uint8Array>;
  pbkdf2(input: Pbkdf2Input): Promise<Uint8Array>;
  /** Whether it is the password of a bcrypt hash (`$2b$12$…`). */
  bcrypt(input: BcryptInput): Promise<boolean>;
}

export interface Argon2idInput {
  readonly password: string;
  readonly salt: Uint8Array;
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly tagBytes: number;
}

export interface ScryptInput {
  readonly password: string;
  readonly salt: Uint8Array;
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly keyBytes: number;
}

export interface Pbkdf2Input {
  readonly password: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly digest: "sha1" | "sha256" | "sha512";
  readonly keyBytes: number;
}

export interface BcryptInput {
  readonly password: string;
  readonly hash: string;
}
