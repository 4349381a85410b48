/**
 * The two functions of a test runner that the suites need. Vitest's, Jest's, Mocha's and `node:test`'s all fit; failures
 * are `node:assert` errors, which all of them print well. So whoever writes a store is not told how to test it.
 */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => Promise<void>): void;
}

/** A database of one test: empty at first, and nobody else's. */
export interface TestDatabase<Opened> {
  /** Opens the store on it. Called more than once, as several nodes do; the suite closes what it opened. */
  open(): Promise<Opened>;
  /** Removes it, once everything opened is closed. */
  drop(): Promise<void>;
}

export interface StoreUnderTest<Opened> {
  /** Names the suite, for example `SQLite`. */
  readonly name: string;
  createDatabase(): Promise<TestDatabase<Opened>>;
}

interface Closable {
  close(): Promise<void>;
}

/** A test on a database of its own: `open` answers one more node's store on it. */
export type StoreTest<Opened> = (name: string, body: (open: () => Promise<Opened>) => Promise<void>) => void;

export function storeTest<Opened extends Closable>(
  runner: TestRunner,
  store: StoreUnderTest<Opened>,
): StoreTest<Opened> {
  return (name, body) => {
    runner.it(name, async () => {
      const database = await store.createDatabase();
      const opened: Opened[] = [];
      try {
        await body(async () => {
          const one = await database.open();
          opened.push(one);
          return one;
        });
      } finally {
        await Promise.allSettled(opened.map((one) => one.close()));
        await database.drop();
      }
    });
  };
}
