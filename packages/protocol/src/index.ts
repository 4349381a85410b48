/**
 * `@latchkey/protocol`: what crosses the wire between authority, verifiers and clients, written once. It runs everywhere
 * and imports nothing.
 *
 * @module
 */
export * from "./access-token.ts";
export * from "./api-token.ts";
export * from "./attempt-keys.ts";
export * from "./challenges.ts";
export * from "./cookies.ts";
export * from "./dpop.ts";
export * from "./errors.ts";
export * from "./metadata.ts";
export * from "./revocation-feed.ts";
export * from "./session-answer.ts";
export * from "./status-list.ts";
