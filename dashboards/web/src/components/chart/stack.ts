// Series on top of each other.

export type Values = readonly (number | null)[];

/** Each series with all before it added; what is missing adds nothing. */
export function stacked(series: readonly Values[]): number[][] {
  const sums: number[][] = [];
  for (const values of series) {
    const below = sums.at(-1);
    sums.push(values.map((value, at) => (below?.[at] ?? 0) + (value ?? 0)));
  }
  return sums;
}
