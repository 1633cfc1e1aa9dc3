import { beforeAll, expect, test, vi } from 'vitest';

// The client of the API asks where the page is.
vi.stubGlobal('window', { location: { origin: 'http://localhost', search: '' } });
let tail: typeof import('./tail');
beforeAll(async () => {
  tail = await import('./tail');
});

const line = (body: string) => ({ time: body, body, severity_number: 9, attributes: {}, resource_attributes: {} });
const logs = (...bodies: string[]) => ({ name: 'logs', data: JSON.stringify(bodies.map(line)) });

test('what comes is shown at the end, unless it is held', () => {
  const some = tail.settled(tail.heard(tail.NOTHING, logs('a')), false);
  const held = tail.settled(tail.heard(some, logs('b')), true);

  expect(held.lines.map((each) => each.line.body)).toEqual(['a']);
  expect(held.waiting).toHaveLength(1);
  expect(tail.settled(held, false).lines.map((each) => each.line.body)).toEqual(['a', 'b']);
});

test('the oldest go when there are too many, and that is counted', () => {
  const many = Array.from({ length: tail.LINES_KEPT_MAX + 5 }, (_, at) => String(at));

  const shown = tail.settled(tail.heard(tail.NOTHING, logs(...many)), false);
  const held = tail.settled(tail.heard(tail.NOTHING, logs(...many)), true);

  expect(shown.lines).toHaveLength(tail.LINES_KEPT_MAX);
  expect(shown.lines[0]?.line.body).toBe('5');
  expect([shown.dropped, held.dropped]).toEqual([5, 5]);
});

test('what was left out and missed adds up', () => {
  const events = [
    { name: 'left_out', data: '{"lines": 7}' },
    { name: 'missed', data: '{"lines": 2, "is_least": true}' },
    { name: 'missed', data: '{"lines": 1, "is_least": false}' },
    { name: 'something_new', data: 'x' },
  ];

  expect(events.reduce((state, event) => tail.heard(state, event), tail.NOTHING)).toMatchObject({ leftOut: 7, missed: 3, isLeast: true });
});
