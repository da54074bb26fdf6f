/**
 * Measures all contenders in turn, round after round, so that a disturbance of the machine affects all of them. Each
 * round begins with the next contender, so none always follows the same other. The results of warm-up rounds are
 * dropped.
 */
export async function inTurn<Contender, Sample>(
  contenders: readonly Contender[],
  { rounds, warmUps = 1 }: { readonly rounds: number; readonly warmUps?: number },
  measure: (contender: Contender, round: number) => Promise<Sample>,
): Promise<Map<Contender, Sample[]>> {
  const samples = new Map<Contender, Sample[]>(contenders.map((contender) => [contender, []]));
  for (let round = 0; round < warmUps + rounds; round++) {
    for (let offset = 0; offset < contenders.length; offset++) {
      const contender = contenders[(round + offset) % contenders.length]!;
      const sample = await measure(contender, round);
      if (round >= warmUps) samples.get(contender)!.push(sample);
    }
  }
  return samples;
}
