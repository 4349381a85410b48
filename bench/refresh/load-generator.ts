import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";

import type { LoadOrder, LoadReport } from "./load.ts";

/** The process that makes the load. */
export interface LoadGenerator {
  run(order: LoadOrder): Promise<LoadReport>;
  stop(): void;
}

export function startLoadGenerator(): LoadGenerator {
  const child: ChildProcess = fork(new URL("load.ts", import.meta.url), {
    execArgv: ["--conditions=@latchkey/source", "--disable-warning=ExperimentalWarning"],
  });
  const ended = once(child, "exit").then(() => Promise.reject(new Error("the load generator ended")));
  // Its end is expected when it is stopped; before that, whoever waits for a report hears of it.
  ended.catch(() => undefined);
  return {
    async run(order) {
      child.send(order);
      const [report] = (await Promise.race([
        once(child, "message", { signal: AbortSignal.timeout(300_000) }),
        ended,
      ])) as [LoadReport];
      if (report.failures > 0)
        throw new Error(`${report.failures} refreshes failed, the first with: ${report.failure}`);
      return report;
    },
    stop: () => void child.kill(),
  };
}
