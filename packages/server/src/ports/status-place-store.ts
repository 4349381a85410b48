/** Hands out places in the authority's status lists. */
export interface StatusPlaceStore {
  /**
   * The first of `count` numbers in a row, from 0 on, that nobody was given before or will be again, on whatever node; durable
   * before it is answered.
   */
  lease(count: number): Promise<number>;
}
