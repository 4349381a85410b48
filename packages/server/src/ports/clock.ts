/** The time, in whole seconds since 1970. */
export type Clock = () => number;
