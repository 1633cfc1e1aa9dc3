import { expect, test } from 'vitest';
import { EventReader } from './events';

test('events are read wherever the stream is cut', () => {
  const stream = 'event: logs\ndata: [1]\n\n:\n\nevent: left_out\ndata: {"lines": 7}\n\n';
  const expected = [
    { name: 'logs', data: '[1]' },
    { name: 'left_out', data: '{"lines": 7}' },
  ];

  for (let cut = 0; cut <= stream.length; cut += 1) {
    const reader = new EventReader();
    expect([...reader.push(stream.slice(0, cut)), ...reader.push(stream.slice(cut))]).toEqual(expected);
  }
});

test('data of several lines is one text, and a comment is nothing', () => {
  expect(new EventReader().push(': hello\n\ndata: a\ndata: b\n\n')).toEqual([{ name: 'message', data: 'a\nb' }]);
});
