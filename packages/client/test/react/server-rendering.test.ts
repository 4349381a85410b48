import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, it } from "vitest";

import type { ClientState } from "../../src/core/state.ts";
import { useSession } from "../../src/react/index.ts";

const client = {
  subscribe: () => () => undefined,
  getState: (): ClientState => {
    throw new Error("There is no browser's state on a server.");
  },
};

it("useSession renders on a server without touching the browser's state", () => {
  const Page = (): string => useSession(client).status;
  expect(renderToString(createElement(Page))).toBe("refreshing");
});

it("useSession renders on a server what the server knows", () => {
  const Page = (): string => useSession(client, { status: "signed-out" }).status;
  expect(renderToString(createElement(Page))).toBe("signed-out");
});
