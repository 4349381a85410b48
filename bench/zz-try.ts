import { openSqliteBench } from "/work/main/bench/stores/sqlite.ts";
import { monitorEventLoopDelay } from "node:perf_hooks";
const b = await openSqliteBench(50000);
const s = b.subjects[3]!;
await s.run(500);
const rates: number[] = [];
const h = monitorEventLoopDelay({ resolution: 1 });
h.enable();
for (let r = 0; r < 6; r++) {
  const t = performance.now();
  const n = await s.run(500);
  rates.push(Math.round((n / (performance.now() - t)) * 1000));
}
console.log(
  rates.join(" "),
  "loop p50",
  (h.percentile(50) / 1e6).toFixed(1),
  "p99",
  (h.percentile(99) / 1e6).toFixed(1),
  "max",
  (h.max / 1e6).toFixed(1),
  "rss",
  Math.round(process.memoryUsage.rss() / 1e6),
);
await b.close();
