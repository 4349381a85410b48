/**
 * What the store needs of `pg`; a `pg.Pool` fits. Written out here so that nobody needs the types of `pg` to use this
 * package's.
 */
export interface PostgresPool {
  query(query: PostgresQuery): Promise<PostgresResult>;
  connect(): Promise<PostgresClient>;
  end(): Promise<void>;
}

export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>;
  /** With an error the connection is closed, not used again. */
  release(error?: Error): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "notification", listener: () => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
  off(event: "notification", listener: () => void): unknown;
}

/** What runs statements. */
export type PostgresQuerier = Pick<PostgresClient, "query">;

export interface PostgresQuery {
  /** Prepared once per connection under this name. */
  readonly name?: string;
  readonly text: string;
  // Mutable, because pg's own types ask for it.
  readonly values?: Parameter[];
  readonly query_timeout?: number;
  readonly rowMode?: "array";
}

export interface PostgresResult {
  readonly rows: readonly Row[];
  readonly rowCount: number | null;
}

export type Value = string | number | boolean | null;
/** Of a statement: a value, or an array of them. */
export type Parameter = Value | readonly Value[];
/** Its values by the names of their columns, or by their numbers where the statement says so. */
export type Row = Readonly<Record<string | number, unknown>>;

/** Runs one prepared statement as one transaction: it commits before the answer comes. */
export interface Database {
  run(statement: Statement, values: readonly Parameter[]): Promise<PostgresResult>;
  /** Several as one transaction; each sees what had been committed when it began, and not when the first one did. */
  inOrder<Result>(work: (run: Database["run"]) => Promise<Result>): Promise<Result>;
}

export interface Statement {
  readonly name: string;
  readonly text: string;
  /** Rows come as arrays: with a name for each of thirty values they take a quarter longer. */
  readonly rowMode?: "array";
}

/**
 * How long to wait for an answer, in milliseconds. A server that is gone without a word must become an error, so that a
 * request is refused and asked again, and does not wait for ever.
 */
export const QUERY_TIMEOUT_MS = 10_000;

/** @param migrated resolves once the schema is there; asked before every statement */
export function createDatabase(pool: PostgresPool, migrated: () => Promise<void>): Database {
  return {
    async run(statement, values) {
      await migrated();
      return pool.query(queryOf(statement, values));
    },

    async inOrder(work) {
      await migrated();
      return transaction(
        pool,
        (client) => work((statement, values) => client.query(queryOf(statement, values))),
        QUERY_TIMEOUT_MS,
      );
    },
  };
}

function queryOf(statement: Statement, values: readonly Parameter[]): PostgresQuery {
  return { ...statement, values: [...values], query_timeout: QUERY_TIMEOUT_MS };
}

/**
 * Runs the work as one transaction on one connection.
 *
 * @param timeoutMs for each statement; without one, they may take as long as they like
 */
export async function transaction<Result>(
  pool: PostgresPool,
  work: (client: PostgresQuerier) => Promise<Result>,
  timeoutMs?: number,
): Promise<Result> {
  const client = await pool.connect();
  const query = (asked: PostgresQuery): Promise<PostgresResult> =>
    client.query(timeoutMs === undefined ? asked : { ...asked, query_timeout: timeoutMs });
  // A connection that breaks fails its query, and says so once more as an event, which unheard would end the process.
  const heard = (): void => undefined;
  client.on("error", heard);
  try {
    await query({ text: "BEGIN" });
    const result = await work({ query });
    await query({ text: "COMMIT" });
    client.release();
    return result;
  } catch (error) {
    // Closing the connection rolls back, whatever state it is in.
    client.release(error instanceof Error ? error : new Error(String(error)));
    throw error;
  } finally {
    client.off("error", heard);
  }
}

/** Runs the work until it has succeeded once, one call at a time; from then on answers without it. */
export function untilDone(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work().catch((error: unknown) => {
      running = undefined;
      throw error;
    });
    return running;
  };
}
