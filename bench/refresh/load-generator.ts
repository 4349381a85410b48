import { startProgram } from "../harness/asked-program.ts";
import type { LoadOrder, LoadReport } from "./load.ts";

/** The process that makes the load. */
export interface LoadGenerator {
  run(order: LoadOrder): Promise<LoadReport>;
  stop(): void;
}

export function startLoadGenerator(): LoadGenerator {
  const program = startProgram<LoadOrder, LoadReport>(new URL("load.ts", import.meta.url));
  return {
    async run(order) {
      const report = await program.ask(order);
      if (report.failures > 0)
        throw new Error(`${report.failures} refreshes failed, the first with: ${report.failure}`);
      return report;
    },
    stop: () => program.stop(),
  };
}
