import { readFileSync } from "node:fs";

import { expect, it } from "vitest";

import { nodeProblem } from "../src/node-problem.ts";

it("says in a sentence which Node.js is needed, where it is an older one", () => {
  expect(nodeProblem("20.20.2")).toBe("Node.js 24 or newer is needed; this is 20.20.2.");
  expect(nodeProblem("24.0.0")).toBeUndefined();
  expect(nodeProblem("100.1.0")).toBeUndefined();
});

it("needs the Node.js that package.json names", () => {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { engines } = JSON.parse(manifest) as { engines: { node: string } };
  expect(engines.node).toBe(">=24");
});
