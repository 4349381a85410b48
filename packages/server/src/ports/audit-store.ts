/** A place in the chain: up to and with the entry of this number, whose hash covers all before it. */
export interface AuditLink {
  /** 0: before the first. */
  readonly number: number;
  readonly hash: string;
}

/** An entry as it is kept. What stands beside `content` is taken from it, to be searched. */
export interface AuditRow extends AuditLink {
  /** Seconds since 1970. */
  readonly at: number;
  readonly type: string;
  readonly userId: string | null;
  readonly sessionId: string | null;
  readonly ip: string | null;
  /** The event, as JSON in printable ASCII: exactly what the hash covers. */
  readonly content: string;
}

export interface AuditState {
  /** Random, made with the log: no other log has it. The chain begins with it. */
  readonly logId: string;
  /** The last entry that was removed, or the beginning. */
  readonly base: AuditLink;
  /** The newest entry. */
  readonly head: AuditLink;
  /** How far the outbox has been read: see `OutboxPosition`. */
  readonly source: { readonly sequence: number; readonly fingerprint: string };
}

/** All that is given must hold. */
export interface AuditFilter {
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly ip?: string | undefined;
  /** Any of these. */
  readonly types?: readonly string[] | undefined;
  /** Seconds since 1970: this time and later. */
  readonly since?: number | undefined;
  /** Before this time. */
  readonly until?: number | undefined;
}

export interface AuditQuery extends AuditFilter {
  /** Oldest first, those after this number… */
  readonly after?: number | undefined;
  /** …or newest first, those before this one. Without either: oldest first, from the beginning. */
  readonly before?: number | undefined;
  readonly limit: number;
}

export interface AuditCheckpoint {
  readonly number: number;
  /** Compact JWS. */
  readonly jws: string;
}

/** The audit log: entries that follow one another, each numbered one higher than the one before. */
export interface AuditStore {
  readState(): Promise<AuditState>;

  /**
   * Appends entries after this head, and notes how far the outbox was read, in one step. Answers `false`, and changes
   * nothing, where the head is another. A crash may forget the last few together with all that came after: they follow
   * from the outbox, which forgets nothing, and are made again just so.
   */
  append(head: AuditLink, rows: readonly AuditRow[], source: AuditState["source"]): Promise<boolean>;

  listEntries(query: AuditQuery): Promise<readonly AuditRow[]>;

  /** Removes the oldest entries up to and with this number, at most `limit`; the base moves along. Answers how many. */
  removeEntries(through: number, limit: number): Promise<number>;

  putCheckpoint(checkpoint: AuditCheckpoint): Promise<void>;

  /** Oldest first. */
  listCheckpoints(): Promise<readonly AuditCheckpoint[]>;
}
