/** The floor: somebody who wants a core at all times and has the priority of a thread that hashes. */
import { setPriority } from "node:os";

import { answerParent } from "../harness/asked-program.ts";

setPriority(5);

answerParent(async ({ seconds }: { readonly seconds: number }) => {
  const deadline = performance.now() + seconds * 1_000;
  let turns = 0;
  while (performance.now() < deadline) turns += 1;
  return { turns };
});
