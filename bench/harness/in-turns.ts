export interface Turns {
  readonly rounds: number;
  /** Rounds before those, for the compiler and the caches, which are not counted. Default: none. */
  readonly warmUpRounds?: number;
}

/**
 * Measures each subject once a round, one after the other, so that whatever else the machine does falls on all of them.
 * Answers the figures of each, round by round.
 */
export async function measureInTurns<Subject, Figure>(
  subjects: readonly Subject[],
  { rounds, warmUpRounds = 0 }: Turns,
  measure: (subject: Subject) => Promise<Figure>,
): Promise<readonly (readonly Figure[])[]> {
  const figures = subjects.map((): Figure[] => []);
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      const figure = await measure(subject);
      if (round >= 0) figures[index]?.push(figure);
    }
  }
  return figures;
}
