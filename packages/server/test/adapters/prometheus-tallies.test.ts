import { Counter, Histogram, Registry } from "prom-client";
import { describe, expect, it } from "vitest";

import { tallyCounts, tallyDurations } from "../../src/adapters/prometheus-tallies.ts";

const HELP = 'With "quotes" and a \\ backslash.';

/** Of each metric, its lines in one order. */
async function linesOf(registry: Registry): Promise<readonly string[]> {
  const text = await registry.metrics();
  // prom-client writes the labels of a bucket in another order than those of a sum.
  return text.split("\n").map((line) =>
    line.replace(
      /\{(.*)\}/,
      (_all, labels: string) =>
        `{${labels
          .match(/\w+="[^"]*"/g)
          ?.toSorted()
          .join(",")}}`,
    ),
  );
}

describe("metrics counted in plain numbers", () => {
  it("read as prom-client's own do that have counted the same", async () => {
    const [registry, reference] = [new Registry(), new Registry()];
    const buckets = [0.001, 0.01, 0.1, 1];
    const duration = { name: "took_seconds", help: HELP, buckets };
    const took = tallyDurations(registry, { ...duration, labels: ["route", "status"] });
    const histogram = new Histogram({ ...duration, labelNames: ["route", "status"], registers: [reference] });
    for (const route of ["/auth/refresh", "/auth/login"]) {
      for (const seconds of [0, 0.0005, 0.001, 0.002, 0.25, 1, 1.5, 60]) {
        for (const status of [200, 503]) {
          took(seconds, route, status);
          histogram.observe({ route, status }, seconds);
        }
      }
    }
    const count = { name: "things_total", help: HELP };
    const things = tallyCounts(registry, { ...count, labels: ["kind"], startsWith: [["never"]] });
    const counter = new Counter({ ...count, labelNames: ["kind"], registers: [reference] });
    counter.inc({ kind: "never" }, 0);
    for (const kind of ["a", "b", "a"]) {
      things(kind);
      counter.inc({ kind });
    }
    const alone = tallyCounts(registry, { name: "alone_total", help: HELP, labels: [], startsWith: [[]] });
    const aloneToo = new Counter({ name: "alone_total", help: HELP, registers: [reference] });
    expect(await linesOf(registry)).toEqual(await linesOf(reference));
    alone();
    aloneToo.inc();
    expect(await linesOf(registry)).toEqual(await linesOf(reference));
  });

  it("are given no name twice", () => {
    const registry = new Registry();
    tallyCounts(registry, { name: "things_total", help: HELP, labels: [] });
    expect(() => tallyCounts(registry, { name: "things_total", help: HELP, labels: [] })).toThrow(/already/);
  });
});
