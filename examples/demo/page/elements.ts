/** The element with this id; the page always has it. */
export function element(id: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(`#${id}`);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

export function write(id: string, text: string): void {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
}

export function show(id: string, visible: boolean): void {
  element(id).hidden = !visible;
}

export function setDisabled(id: string, disabled: boolean): void {
  element(id).toggleAttribute("disabled", disabled);
}

/** A form and ways to read its fields. */
export function form(id: string): {
  readonly element: HTMLFormElement;
  readonly field: (name: string) => string;
  readonly chosen: (name: string) => string;
  readonly checked: (name: string) => boolean;
} {
  const found = document.querySelector<HTMLFormElement>(`form#${id}`);
  if (found === null) throw new Error(`the page has no form #${id}`);
  const text = (name: string): string => {
    const value = new FormData(found).get(name);
    return typeof value === "string" ? value : "";
  };
  return { element: found, field: text, chosen: text, checked: (name) => text(name) === "on" };
}
