import { expect, test } from 'vitest';
import { block, panelText, quoted, valueOf, withRow } from './yaml';
import { dashboardWith, unfitFor, withPanel } from './pinned';

const TEXT = `# what it is for
name: a # not this
title: "B: \\"c\\""
tags: [built-in, 'it''s', 3]
rows:
  - title: One
    panels:
      - title: P
        decimals: 2
        stack: true
        sql: |
          SELECT 1
            FROM x

          -- end
      - {title: Q, metric: {name: a.b, filter: {h.n: $host}}}
      - title: long
          and folded
        text: >-
          one
          line
  # the last
  - height: 5
    panels: []
`;

test('what is written is read', () => {
  expect(valueOf(TEXT)).toEqual({
    name: 'a',
    title: 'B: "c"',
    tags: ['built-in', "it's", 3],
    rows: [
      {
        title: 'One',
        panels: [
          { title: 'P', decimals: 2, stack: true, sql: 'SELECT 1\n  FROM x\n\n-- end\n' },
          { title: 'Q', metric: { name: 'a.b', filter: { 'h.n': '$host' } } },
          { title: 'long and folded', text: 'one line' },
        ],
      },
      { height: 5, panels: [] },
    ],
  });
});

test('a panel is shown as it is written', () => {
  expect(panelText(TEXT, 0)).toBe('title: P\ndecimals: 2\nstack: true\nsql: |\n  SELECT 1\n    FROM x\n\n  -- end\n');
  expect(panelText(TEXT, 1)).toBe('{title: Q, metric: {name: a.b, filter: {h.n: $host}}}\n');
  expect(panelText(TEXT, 9)).toBeUndefined();
});

test('a row is added below the others, and comments stay', () => {
  const added = withRow(TEXT, `panels:\n  - title: New\n    sql: ${block('SELECT 1\nFROM x', 6)}`);

  expect(added?.startsWith(TEXT)).toBe(true);
  expect((valueOf(added ?? '') as { rows: unknown[] }).rows.at(-1)).toEqual({ panels: [{ title: 'New', sql: 'SELECT 1\nFROM x\n' }] });
  expect(withRow('rows: []\n', 'panels: []')).toBeUndefined();
});

test('what follows the rows stays behind them', () => {
  const added = withRow('rows:\n- height: 3\ntitle: X\n', 'height: 4');

  expect(valueOf(added ?? '')).toEqual({ rows: [{ height: 3 }, { height: 4 }], title: 'X' });
});

test('texts mean themselves', () => {
  for (const text of ['Requests', 'true', '3', 'a: b', '', ' x', '- a', 'it\'s "q"', 'no']) expect(valueOf(`title: ${quoted(text)}`)).toEqual({ title: text });
});

test('a statement becomes a panel', () => {
  const panel = { title: 'How: many', kind: 'table', sql: 'SELECT 1\n\nFROM x;\n' };
  const row = { panels: [{ title: 'How: many', kind: 'table', width: 12, sql: 'SELECT 1\n\nFROM x\n' }] };

  expect(valueOf(withPanel(TEXT, panel) ?? '')).toMatchObject({ rows: [{}, {}, row] });
  expect(valueOf(dashboardWith('mine', 'Mine', panel))).toEqual({ name: 'mine', title: 'Mine', rows: [row] });
  expect(unfitFor('SELECT $1', '', '')).toMatch('no parameters');
  expect(unfitFor('SELECT 1', '', '')).toBeUndefined();
});
