// Server-Sent Events out of a stream of text that is cut anywhere.

export interface ServerEvent {
  name: string;
  data: string;
}

/** Text that has come is `push`ed; events that are whole are given back. Comments are not. */
export class EventReader {
  private rest = '';

  push(text: string): ServerEvent[] {
    const parts = (this.rest + text).split(/\r?\n\r?\n/);
    this.rest = parts.pop() ?? '';
    return parts.flatMap(eventOf);
  }
}

function eventOf(part: string): ServerEvent[] {
  let name = 'message';
  const data: string[] = [];
  for (const line of part.split(/\r?\n/)) {
    const [, field, value = ''] = /^([a-z]+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === 'event') name = value;
    if (field === 'data') data.push(value);
  }
  return data.length === 0 ? [] : [{ name, data: data.join('\n') }];
}
