// Names as short as they can be and still be told apart: what all of them end in says nothing in a legend.

/** `worker-1` and `worker-2` for `worker-1.shop.internal` and `worker-2.shop.internal`. Only words are left out, no parts of versions. */
export function shortNames(names: readonly string[]): string[] {
  const [first = '', ...others] = names;
  if (others.length === 0) return [...names];
  const parts = first.split('.');
  const ends = parts.slice(1).map((_, at) => `.${parts.slice(at + 1).join('.')}`);
  const common = ends.find((end) => names.every((name) => name.length > end.length && name.endsWith(end)));
  if (common === undefined || !/^\.[a-z]/i.test(common)) return [...names];
  return names.map((name) => name.slice(0, -common.length));
}
