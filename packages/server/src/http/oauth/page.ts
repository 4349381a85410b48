import { hash } from "node:crypto";

import type { Answer } from "../exchange.ts";

/** A page of the authority's own. What is in `main` is written here: nothing that was sent goes in but escaped. */
export interface Page {
  readonly title: string;
  readonly main: string;
  readonly script?: string;
}

const STYLE = `
:root {
  --ink: light-dark(#17211b, #e7efe9); --soft: light-dark(#5a6b60, #9db0a3); --paper: light-dark(#f5f8f5, #101612);
  --card: light-dark(#ffffff, #18211b); --line: light-dark(#7f8f85, #64756a); --brand: light-dark(#15803d, #4ade80);
  --on-brand: light-dark(#ffffff, #06250f); --danger: light-dark(#b42318, #f97066);
  color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif;
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--paper); color: var(--ink); }
main { width: min(24rem, 100%); padding: 2rem; background: var(--card); border: 1px solid light-dark(#d9e3dc, #2b3830); border-radius: 12px; }
h1 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 1rem; overflow-wrap: anywhere; }
p, ul { margin: 0 0 1rem; overflow-wrap: anywhere; }
ul { padding-left: 1.25rem; }
.soft, .detail { color: var(--soft); font-size: 0.9rem; }
label { display: block; margin: 0 0 1rem; }
input { display: block; width: 100%; margin-top: 0.25rem; padding: 0.6rem; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; }
.actions { display: flex; gap: 0.75rem; }
button { flex: 1; padding: 0.65rem; font: inherit; font-weight: 600; cursor: pointer; border-radius: 8px; color: inherit; background: none; border: 1px solid var(--line); }
button.main { color: var(--on-brand); background: var(--brand); border-color: transparent; }
button:disabled { opacity: 0.6; cursor: progress; }
h1:focus { outline: none; }
:focus-visible:not(h1) { outline: 3px solid var(--brand); outline-offset: 2px; }
[role="alert"] { color: var(--danger); }
[role="alert"]:empty, [hidden] { display: none; }
`;

/** Neither framed, nor with any script or style but its own, by their hashes; and it talks to the authority alone. */
export function pageAnswer(status: number, { title, main, script }: Page): Answer {
  const policy = [
    "default-src 'none'",
    `style-src '${integrityOf(STYLE)}'`,
    ...(script === undefined ? [] : [`script-src '${integrityOf(script)}'`, "connect-src 'self'"]),
    // The empty icon, in place of one that browsers would ask for.
    "img-src data:",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    status,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy.join("; "),
      "X-Frame-Options": "DENY",
      // Nobody who has opened it as a window holds on to it.
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cache-Control": "no-store",
    },
    body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>${main}</main>
${script === undefined ? "" : `<script>${script}</script>`}
</body>
</html>
`,
  };
}

function integrityOf(text: string): string {
  return `sha256-${hash("sha256", text, "base64")}`;
}
