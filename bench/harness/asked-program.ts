import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";

/** A program in a process of its own, asked one thing at a time over IPC, so that no token touches the disk. */
export interface AskedProgram<Question extends object, Answer> {
  /** Rejects where the program ends, or takes five minutes. */
  ask(question: Question): Promise<Answer>;
  stop(): void;
}

const TIMEOUT_MS = 300_000;

export function startProgram<Question extends object, Answer>(program: URL): AskedProgram<Question, Answer> {
  const child: ChildProcess = fork(program, {
    execArgv: ["--conditions=@latchkey/source", "--disable-warning=ExperimentalWarning"],
    env: { PATH: process.env["PATH"] ?? "", NODE_ENV: "production" },
  });
  const ended = once(child, "exit").then(() => Promise.reject(new Error(`${program.pathname} ended`)));
  // Its end is expected when it is stopped; before that, whoever waits for an answer hears of it.
  ended.catch(() => undefined);
  return {
    async ask(question) {
      child.send(question);
      const [answer] = (await Promise.race([
        once(child, "message", { signal: AbortSignal.timeout(TIMEOUT_MS) }),
        ended,
      ])) as [Answer];
      return answer;
    },
    stop: () => void child.kill(),
  };
}

/** The other side: answers what the parent asks, and ends with it. */
export function answerParent(answer: (question: never) => Promise<unknown>): void {
  process.on("message", (question) => {
    answer(question as never).then(
      (reply) => process.send?.(reply),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.on("disconnect", () => process.exit(0));
}
