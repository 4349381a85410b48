/** A value that stands for all equal ones, with its number: equal values are the same object, so keys are cheap. */
export type Interned<T> = T & { readonly index: number };

/** Hash-consing: equal values, by their JSON, become one numbered object. */
export type Intern = <T extends object>(value: T) => Interned<T>;

export function createIntern(): Intern {
  const known = new Map<string, Interned<object>>();
  return <T extends object>(value: T): Interned<T> => {
    const key = JSON.stringify(value);
    const found = known.get(key);
    // Equal JSON is equal shape here: each kind of value has fields of its own.
    if (found !== undefined) return found as Interned<T>;
    const interned = { ...value };
    // Not enumerable, so that a value nested in another does not carry its number into the other's key twice.
    Object.defineProperty(interned, "index", { value: known.size, enumerable: false });
    known.set(key, interned as Interned<T>);
    return interned as Interned<T>;
  };
}
