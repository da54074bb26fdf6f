/**
 * Has all of them measured in turn, round after round, each round beginning one further on, so that what disturbs the
 * machine for a while disturbs all alike, and no one always runs behind the same other. The first rounds warm up and are
 * thrown away.
 */
export async function inTurn<Contender, Sample>(
  contenders: readonly Contender[],
  { rounds, warmUps = 1 }: { readonly rounds: number; readonly warmUps?: number },
  measure: (contender: Contender, round: number) => Promise<Sample>,
): Promise<Map<Contender, Sample[]>> {
  const samples = new Map<Contender, Sample[]>(contenders.map((contender) => [contender, []]));
  for (let round = 0; round < warmUps + rounds; round++) {
    for (let place = 0; place < contenders.length; place++) {
      const contender = contenders[(round + place) % contenders.length]!;
      const sample = await measure(contender, round);
      if (round >= warmUps) samples.get(contender)!.push(sample);
    }
  }
  return samples;
}
