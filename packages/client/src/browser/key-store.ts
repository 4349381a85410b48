import type { KeyPair } from "dpop";
import { generateKeyPair } from "dpop";

/** The browser's key for one authority, shared by all tabs of the origin. Rejects where it cannot be said what there is. */
export interface KeyStore {
  /** `undefined`: there is none. */
  find(): Promise<KeyPair | undefined>;
  /** One for all, however many ask at once. */
  findOrCreate(): Promise<KeyPair>;
}

const STORE = "keys";
const KEY = "dpop";
/** A database that hangs is none. */
const PATIENCE_MS = 3_000;

/**
 * Keeps the key in IndexedDB, as a P-256 key that WebCrypto gives to nobody, scripts of the page included. It is read anew
 * each time, so that no tab goes on with one that was deleted or has been replaced.
 */
export function createKeyStore(name: string): KeyStore {
  let opened: Promise<IDBDatabase> | undefined;

  function open(): Promise<IDBDatabase> {
    const forget = (): void => {
      opened = undefined;
    };
    opened ??= openDatabase(name, forget);
    opened.catch(forget);
    return opened;
  }

  async function begin(mode: IDBTransactionMode): Promise<IDBTransaction> {
    // On disk before a session is bound to it: cookies may outlive a crash that a key in memory does not.
    const start = (database: IDBDatabase): IDBTransaction =>
      database.transaction(STORE, mode, { durability: "strict" });
    try {
      return start(await open());
    } catch {
      // The browser may close a connection without a word.
      opened = undefined;
      return start(await open());
    }
  }

  async function run(mode: IDBTransactionMode, work: (keys: IDBObjectStore) => IDBRequest): Promise<unknown> {
    const transaction = await begin(mode);
    const request = work(transaction.objectStore(STORE));
    return new Promise((resolve, reject) => {
      transaction.addEventListener("complete", () => resolve(request.result));
      transaction.addEventListener("abort", () => reject(request.error ?? transaction.error ?? new Error("aborted")));
    });
  }

  const find = async (): Promise<KeyPair | undefined> =>
    (await run("readonly", (keys) => keys.get(KEY))) as KeyPair | undefined;

  return {
    find: () => inTime(find()),

    findOrCreate: () =>
      inTime(
        find().then(async (found) => {
          if (found !== undefined) return found;
          const made = await generateKeyPair("ES256");
          // `add` fails where another tab was first: then it is that one's key.
          const isFirst = await run("readwrite", (keys) => keys.add(made, KEY)).then(yes, no);
          const kept = isFirst ? made : await find();
          if (kept === undefined) throw new Error("The browser kept no key.");
          return kept;
        }),
      ),
  };
}

const yes = (): boolean => true;
const no = (): boolean => false;

/** @param onClose the connection is of no use from here on */
function openDatabase(name: string, onClose: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.addEventListener("upgradeneeded", () => request.result.createObjectStore(STORE));
    request.addEventListener("error", () => reject(request.error ?? new Error("not opened")));
    request.addEventListener("success", () => {
      const database = request.result;
      database.addEventListener("close", onClose);
      // Somebody deletes the database: nobody is kept from it.
      database.addEventListener("versionchange", () => {
        onClose();
        database.close();
      });
      resolve(database);
    });
  });
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("The key storage does not answer.")), PATIENCE_MS);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
