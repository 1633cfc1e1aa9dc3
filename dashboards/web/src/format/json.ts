/** With a line for each member, where `text` is JSON; else as it is. */
export function spread(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
