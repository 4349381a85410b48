/** What one client may take of the server. Times in milliseconds. */
export interface HttpLimits {
  /** All header fields of a request together, in bytes; past that, 431. */
  readonly maxHeaderBytes: number;
  readonly maxHeaderFields: number;
  /** For the head of a request to arrive. */
  readonly headersTimeoutMs: number;
  /** For the whole of it to arrive. */
  readonly requestTimeoutMs: number;
  /** For nothing at all to happen on a connection that a request is under way on: who does not read the answer is left. */
  readonly stallTimeoutMs: number;
  /** Between requests. Longer than proxies keep theirs (60 s, mostly), or they send a request on a connection just closed. */
  readonly keepAliveTimeoutMs: number;
  /** At once; those past it are closed as soon as they come. */
  readonly maxConnections: number;
  /** For requests under way to finish at a stop. */
  readonly drainTimeoutMs: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  maxHeaderBytes: 16_384,
  maxHeaderFields: 100,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  stallTimeoutMs: 60_000,
  keepAliveTimeoutMs: 65_000,
  maxConnections: 8_192,
  drainTimeoutMs: 10_000,
};
