// Which lines of a list are in sight, where some are higher than others: what is not measured yet counts as a usual one.

export const USUAL_HEIGHT = 26;
const LINES_BEYOND = 10;

/** Where each line begins, in pixels from the top; and, as the last, where all of them end. */
export function tops(keys: readonly string[], heights: ReadonlyMap<string, number>): Float64Array {
  const all = new Float64Array(keys.length + 1);
  keys.forEach((key, at) => {
    all[at + 1] = (all[at] ?? 0) + (heights.get(key) ?? USUAL_HEIGHT);
  });
  return all;
}

/** Lines to draw, from `first` to before `last`, of what is seen `top` pixels down in a place of `view` pixels. */
export function lineWindow(all: Float64Array, top: number, view: number): { first: number; last: number } {
  const count = all.length - 1;
  const first = Math.max(0, lineAt(all, top) - LINES_BEYOND);
  const last = Math.min(count, lineAt(all, top + view) + 1 + LINES_BEYOND);
  return { first, last };
}

/** The line that is so many pixels down. */
export function lineAt(all: Float64Array, top: number): number {
  let [low, high] = [0, all.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((all[middle] ?? 0) <= top) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, Math.min(low, all.length - 2));
}
