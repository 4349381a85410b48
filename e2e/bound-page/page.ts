import type { BrowserClient } from "@latchkey/client";
import { createClient } from "@latchkey/client";

declare global {
  interface Window {
    /** For the tests, which play the user. */
    latchkey: BrowserClient;
  }
}

const asked = new URLSearchParams(location.search);
window.latchkey = createClient({
  issuer: location.origin,
  apiOrigins: [asked.get("api") ?? location.origin],
  binding: asked.get("binding") === "off" ? "off" : "auto",
});
