/** Work that nobody waits for: the answer must neither take longer for it nor tell that it is done. */
export interface Background {
  /** Begins it soon. A failure is logged, by this name. */
  run(name: string, work: () => Promise<void>): void;
  /** Resolves once nothing is left to do. */
  idle(): Promise<void>;
}
