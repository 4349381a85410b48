import { write } from "./elements.ts";

const LOCK = "latchkey demo tab";

/** Counts this page's tabs: each holds a share of one lock for as long as it is open. */
export function countTabs(): void {
  void navigator.locks.request(LOCK, { mode: "shared" }, () => new Promise(() => undefined));
  setInterval(() => void showCount(), 1_000);
}

async function showCount(): Promise<void> {
  const { held = [] } = await navigator.locks.query();
  const count = held.filter(({ name }) => name === LOCK).length;
  write("tabs", count === 1 ? "this one" : `${count}, sharing one session`);
}
