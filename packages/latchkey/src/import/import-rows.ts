import type { ForeignAccount, Store } from "@latchkey/server";
import { importAccounts } from "@latchkey/server";

import { parseAccountRow } from "./account-row.ts";
import type { FileRow } from "./read-rows.ts";

export interface ImportCount {
  readonly imported: number;
  /** Their id or e-mail address has an account already, or one earlier in the file. */
  readonly alreadyThere: number;
  readonly bad: number;
}

export interface ImportOptions {
  readonly store: Store;
  /** Writes nothing, and counts what would be. */
  readonly dryRun: boolean;
  readonly onProblem: (line: number, problem: string) => void;
  readonly onProgress: (bytes: number) => void;
}

/** Accounts of one transaction. */
const BATCH = 500;

/**
 * Makes the accounts of the rows, a batch at a time, each in one transaction: where this stops, however it stops, a second
 * time finds what is there and goes on.
 */
export async function importRows(rows: AsyncIterable<FileRow>, options: ImportOptions): Promise<ImportCount> {
  const { store, dryRun, onProblem, onProgress } = options;
  const write = dryRun ? createRehearsal(store) : createWriter(store);
  let [imported, alreadyThere, bad, bytes] = [0, 0, 0, 0];
  let batch: ForeignAccount[] = [];

  const flush = async (): Promise<void> => {
    if (batch.length > 0) {
      const created = (await write(batch)).filter(Boolean).length;
      imported += created;
      alreadyThere += batch.length - created;
      batch = [];
    }
    onProgress(bytes);
  };

  for await (const row of rows) {
    bytes = Math.max(bytes, row.bytes);
    const account = row.problem === undefined ? parseAccountRow(row.value) : { problem: row.problem };
    if ("problem" in account) {
      bad += 1;
      onProblem(row.line, account.problem);
      continue;
    }
    batch.push(account);
    if (batch.length >= BATCH) await flush();
  }
  await flush();
  return { imported, alreadyThere, bad };
}

type Write = (accounts: readonly ForeignAccount[]) => Promise<readonly boolean[]>;

function createWriter(store: Store): Write {
  return (accounts) => importAccounts({ store, clock: () => Math.floor(Date.now() / 1000) }, accounts);
}

/** Goes through the same rules, on a store that only looks and remembers. */
function createRehearsal({ accounts }: Store): Write {
  const seen = new Set<string>();
  const looking = {
    ...accounts,
    importAccounts: async (imports: Parameters<typeof accounts.importAccounts>[0]) => {
      const verdicts: boolean[] = [];
      for (const { user } of imports) {
        const names = [`email ${user.email}`, `id ${user.id}`];
        const isNew = !names.some((name) => seen.has(name));
        for (const name of names) seen.add(name);
        const isFree =
          (await accounts.findAccountByEmail(user.email)) === undefined &&
          (await accounts.findUser(user.id)) === undefined;
        verdicts.push(isNew && isFree);
      }
      return verdicts;
    },
  };
  return (batch) => importAccounts({ store: { accounts: looking }, clock: () => 0 }, batch);
}
