import type { Claims, Workload, BenchAlgorithm } from "./workload.ts";

/** One library with one algorithm, its key imported the best way it allows. */
export interface Subject {
  readonly verify: (token: string) => unknown;
  readonly sign: (claims: Claims) => unknown;
  /** With the library's cache of verified tokens, where it has one. Everything else is measured without. */
  readonly verifyCached?: (token: string) => unknown;
}

/** Undefined where the library does not know the algorithm. */
export type Library = (alg: BenchAlgorithm, workload: Workload) => Promise<Subject | undefined> | Subject | undefined;

export const peerNames = ["jose", "fast-jwt", "jsonwebtoken", "@node-rs/jsonwebtoken", "@hapi/jwt", "njwt"] as const;
export const libraryNames = ["latchkey", "floor", ...peerNames] as const;
export type LibraryName = (typeof libraryNames)[number];

/** Not JavaScript on node:crypto: Rust with its own cryptography. */
export const nativePeers: readonly LibraryName[] = ["@node-rs/jsonwebtoken"];
