import type { Answer } from "../exchange.ts";
import { pageAnswer } from "./page.ts";

/** Tells the user what is wrong, in words that hold nothing of what was sent. */
export function faultPage(description: string): Answer {
  return pageAnswer(400, {
    title: "This does not work",
    main: `<h1>This does not work</h1><p>The app that sent you here has asked for something that cannot be granted. Go back to it and try again.</p><p class="detail">${escaped(description)}</p>`,
  });
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
