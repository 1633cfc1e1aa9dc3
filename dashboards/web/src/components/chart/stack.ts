// Series on top of each other.

export type Values = readonly (number | null)[];

/** Each series with all before it added; null where a series adds nothing, so that nothing is drawn of it there. */
export function stacked(series: readonly Values[]): (number | null)[][] {
  const sums: number[] = [];
  return series.map((values) =>
    values.map((value, at) => {
      const sum = (sums[at] ?? 0) + (value ?? 0);
      sums[at] = sum;
      return value === null || value === 0 ? null : sum;
    }),
  );
}
