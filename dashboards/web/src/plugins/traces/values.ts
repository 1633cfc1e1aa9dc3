// Values of attributes as people read them.

/** A text as it is; of the JSON that stands for bytes and odd numbers what is meant; all other JSON as such. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    const [key, inner] = entries[0] ?? [];
    if (entries.length === 1 && key === '$double') return String(inner);
    if (entries.length === 1 && key === '$bytes') return `${String(inner)} (base64)`;
  }
  return value == null ? '–' : JSON.stringify(value);
}

/** Whether a filter can ask for it: texts, numbers and what is true or false. */
export function isPlain(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}
