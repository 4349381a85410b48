import { readFileSync } from "node:fs";

import { expect, it } from "vitest";

import { ROUTES } from "../../src/http/routes.ts";

it("the package's README names every route, and no other", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const named = [...readme.matchAll(/^\| `((?:GET|POST|DELETE) [^`]+)` +\| ([^|]+?) +\|/gm)].map(
    ([, route, summary]) => [route, summary],
  );
  expect(named).toEqual(ROUTES.map(({ method, path, summary }) => [`${method} ${path}`, summary]));
});
