import { Worker } from "node:worker_threads";

import type { Derivations } from "./derivations.ts";
import { POOLED } from "./pooled.ts";

/** What a thread is asked… */
export interface Derivation {
  readonly name: keyof Derivations;
  readonly input: unknown;
}

/** …and what it answers. */
export type DerivationAnswer = { readonly value: unknown } | { readonly error: unknown };

/** How long a thread may have nothing to do before it ends, in milliseconds. */
const IDLE_MS = 60_000;

/** A thread needs next to no memory of V8's. What Argon2id fills is not V8's. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 };

/** That a thread has ended, or could not begin: of what it was asked nothing is known. */
class ThreadLost extends Error {}

interface Thread {
  /** @throws ThreadLost */
  ask(derivation: Derivation): Promise<unknown>;
}

export interface ThreadedOptions {
  /** What a thread runs: it answers each `Derivation` with a `DerivationAnswer`. */
  readonly program: URL;
  /** What derives where no thread does. */
  readonly otherwise: Derivations;
}

/**
 * In threads of the process's own, of low priority where the system can tell threads apart (Linux): whatever else there is
 * to do comes first. One is begun whenever none is idle, so whoever asks bounds how many there are; they keep no process
 * alive. What a thread that dies was asked for is derived otherwise; so is everything where none can begin, as where
 * Node's permission model forbids it or a bundler has left the program out, after a warning.
 */
export function createThreadedDerivations({ program, otherwise }: ThreadedOptions): Derivations {
  const idle: Thread[] = [];
  let areThreadsToBeHad = true;

  const giveUp = (cause: unknown): void => {
    if (!areThreadsToBeHad) return;
    areThreadsToBeHad = false;
    const why = cause instanceof Error ? cause.message : String(cause);
    process.emitWarning(`Passwords are hashed in Node's pool, since no thread of their own could begin: ${why}`);
  };

  const begin = (): Worker => {
    try {
      // What else the process was told to load, as an SDK for traces, is not for these.
      return new Worker(program, { name: "hashing", execArgv: [], env: {}, resourceLimits: RESOURCE_LIMITS });
    } catch (error) {
      giveUp(error);
      throw new ThreadLost();
    }
  };

  const startThread = (): Thread => {
    const worker = begin();
    let hasAnswered = false;
    let isLost = false;
    let asked: PromiseWithResolvers<unknown> | undefined;
    let ending: NodeJS.Timeout | undefined;

    const thread: Thread = {
      ask(derivation) {
        clearTimeout(ending);
        asked = Promise.withResolvers();
        if (isLost) asked.reject(new ThreadLost());
        worker.ref();
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
        worker.postMessage(derivation);
        return asked.promise;
      },
    };
    const leave = (): void => {
      clearTimeout(ending);
      if (idle.includes(thread)) idle.splice(idle.indexOf(thread), 1);
    };

    worker.on("message", (answer: DerivationAnswer) => {
      hasAnswered = true;
      worker.unref();
      idle.push(thread);
      ending = setTimeout(() => {
        leave();
        void worker.terminate();
      }, IDLE_MS).unref();
      if ("error" in answer) asked?.reject(answer.error);
      else asked?.resolve(answer.value);
    });
    worker.on("error", (error) => {
      if (!hasAnswered) giveUp(error);
    });
    worker.once("exit", () => {
      isLost = true;
      leave();
      asked?.reject(new ThreadLost());
    });
    return thread;
  };

  const derive = async <Value>(derivation: Derivation, instead: () => Promise<Value>): Promise<Value> => {
    if (!areThreadsToBeHad) return instead();
    try {
      const thread = idle.pop() ?? startThread();
      return (await thread.ask(derivation)) as Value;
    } catch (error) {
      if (error instanceof ThreadLost) return instead();
      throw error;
    }
  };

  return {
    argon2id: (input) => derive({ name: "argon2id", input: withOwnSalt(input) }, () => otherwise.argon2id(input)),
    scrypt: (input) => derive({ name: "scrypt", input: withOwnSalt(input) }, () => otherwise.scrypt(input)),
    pbkdf2: (input) => derive({ name: "pbkdf2", input: withOwnSalt(input) }, () => otherwise.pbkdf2(input)),
    bcrypt: (input) => derive({ name: "bcrypt", input }, () => otherwise.bcrypt(input)),
  };
}

/** Bytes that Node has cut from a block are sent along with the whole block. */
function withOwnSalt<Input extends { readonly salt: Uint8Array }>(input: Input): Input {
  return { ...input, salt: Uint8Array.from(input.salt) };
}

/** What this process hashes in: one set of threads, however many hashers there are. */
export const IN_THREADS: Derivations = createThreadedDerivations({
  program: besideThis(new URL("./hashing-thread.ts", import.meta.url)),
  otherwise: POOLED,
});

/** The compiler names the files that modules import, and leaves URLs as they are. */
function besideThis(source: URL): URL {
  return import.meta.url.endsWith(".js") ? new URL(source.href.replace(/\.ts$/, ".js")) : source;
}
