/** How many statements of one group are under way at most. One would leave the server idle while its answer is read. */
const UNDER_WAY = 2;

/** How much one statement takes at most. */
const MOST = 32;

/**
 * For how long anything may have waited when a statement fails, in milliseconds, and be asked for still. A database that does
 * not answer fails one statement after another, each after its time-out: nobody waits for more than the next.
 */
const PATIENCE_MS = 4_000;

/** Asks for one thing; answers once the statement that it shared has been committed. */
export type Group<Item, Answer> = (item: Item) => Promise<Answer>;

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly since: number;
  readonly resolve: (answer: Answer | Promise<Answer>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit, over the wire: what is asked for within one turn of the event loop, or while enough statements are under
 * way, shares one statement. Who comes alone is sent at once; the more there are, the less each of them costs.
 *
 * @param run answers for each item, in their order, with a promise where one has to wait for more than the statement; where
 *   it rejects, all are rejected
 */
export function createGroup<Item, Answer>(
  run: (items: readonly Item[]) => Promise<readonly (Answer | Promise<Answer>)[]>,
): Group<Item, Answer> {
  let waiting: Waiting<Item, Answer>[] = [];
  let underWay = 0;
  let scheduled = false;

  const send = async (group: readonly Waiting<Item, Answer>[]): Promise<void> => {
    underWay += 1;
    try {
      const answers = await run(group.map(({ item }) => item));
      for (const [index, answer] of answers.entries()) group[index]?.resolve(answer);
    } catch (error) {
      const tooLong = performance.now() - PATIENCE_MS;
      const impatient = waiting.filter(({ since }) => since < tooLong);
      waiting = waiting.filter(({ since }) => since >= tooLong);
      for (const { reject } of [...group, ...impatient]) reject(error);
    }
    underWay -= 1;
    schedule();
  };
  const sendWhatWaits = (): void => {
    scheduled = false;
    while (waiting.length > 0 && underWay < UNDER_WAY) {
      const group = waiting.slice(0, MOST);
      waiting = waiting.slice(MOST);
      void send(group);
    }
  };
  const schedule = (): void => {
    if (scheduled || waiting.length === 0 || underWay >= UNDER_WAY) return;
    scheduled = true;
    // The check phase comes once all requests that arrived in this turn have been read.
    setImmediate(sendWhatWaits);
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, since: performance.now(), resolve, reject });
      schedule();
    });
}
