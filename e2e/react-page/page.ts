import type { Client } from "@latchkey/client";
import { createClient } from "@latchkey/client";
import { createElement } from "react";
import { hydrateRoot } from "react-dom/client";

import { App } from "./app.ts";

declare global {
  interface Window {
    /** For the test, which plays the user. */
    client: Client;
  }
}

const root = document.querySelector("#root");
if (root === null) throw new Error("The page has no root.");
const client = createClient({ issuer: location.origin });
window.client = client;
hydrateRoot(root, createElement(App, { client }));
void client.start();
