// Dashboards as they are written: read with the parser of the editor, and added to without losing a comment.
// Only what the server found no fault in is read, so what it refuses (anchors, tags, several documents) is not known here.

import { yamlLanguage } from '@codemirror/lang-yaml';

type SyntaxNode = ReturnType<typeof yamlLanguage.parser.parse>['topNode'];

/** What `text` says: objects, lists, texts, numbers and booleans. */
export function valueOf(text: string): unknown {
  return read(contentOf(text), text);
}

/** The text of the panel that is the `index`th of all, as if it stood alone. */
export function panelText(text: string, index: number): string | undefined {
  const panels = itemsOf(member(contentOf(text), 'rows', text)).flatMap((row) => itemsOf(member(row, 'panels', text)));
  const panel = panels[index];
  if (panel === undefined) return undefined;
  const from = panel.from + (/^\s*/.exec(text.slice(panel.from))?.[0].length ?? 0);
  const indent = from - (text.lastIndexOf('\n', from - 1) + 1);
  return `${undented(text.slice(from, panel.to), indent).trimEnd()}\n`;
}

/** `text` with one more row at the end, which is `row` as lines of YAML; undefined where its rows are not a list of lines. */
export function withRow(text: string, row: string): string | undefined {
  const rows = member(contentOf(text), 'rows', text);
  if (rows?.name !== 'BlockSequence') return undefined;
  const column = rows.from - (text.lastIndexOf('\n', rows.from - 1) + 1);
  const indent = ' '.repeat(column);
  const lines = row.trimEnd().split('\n').map((line, at) => (line === '' ? '' : `${indent}${at === 0 ? '- ' : '  '}${line}`));
  const before = text.slice(0, rows.to).trimEnd();
  const after = text.slice(rows.to).replace(/^[ \t]*\n/, '');
  return `${before}\n${lines.join('\n')}\n${after}`;
}

/** A text on one line that means itself. */
export function quoted(text: string): string {
  return /^[A-Za-z][\w ./()-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text) && text.trim() === text ? text : JSON.stringify(text);
}

/** A text of several lines below a key, `indent` spaces in. */
export function block(text: string, indent: number): string {
  // A first line that begins with a space needs to be told how deep the others are.
  const header = /^\s/.test(text) ? `|${indent}` : '|';
  return [header, ...text.trimEnd().split('\n').map((line) => (line.trim() === '' ? '' : ' '.repeat(indent) + line))].join('\n');
}

function contentOf(text: string): SyntaxNode | undefined {
  const document = yamlLanguage.parser.parse(text).topNode.getChild('Document');
  return childrenOf(document)[0];
}

function childrenOf(node: SyntaxNode | null | undefined): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) {
    if (/^[A-Z]/.test(child.name) && child.name !== 'Comment') children.push(child);
  }
  return children;
}

function itemsOf(node: SyntaxNode | undefined): SyntaxNode[] {
  return childrenOf(node).flatMap((item) => (item.name === 'Item' ? childrenOf(item).slice(0, 1) : []));
}

function member(node: SyntaxNode | undefined, key: string, text: string): SyntaxNode | undefined {
  return childrenOf(node).flatMap((pair) => (pair.name === 'Pair' && keyOf(pair, text) === key ? [valueNode(pair)] : []))[0];
}

function keyOf(pair: SyntaxNode, text: string): string {
  return String(read(childrenOf(pair.getChild('Key'))[0], text));
}

function valueNode(pair: SyntaxNode): SyntaxNode | undefined {
  return childrenOf(pair).find((child) => child.name !== 'Key');
}

function read(node: SyntaxNode | undefined, text: string): unknown {
  const written = node === undefined ? '' : text.slice(node.from, node.to);
  switch (node?.name) {
    case undefined:
      return null;
    case 'BlockMapping':
    case 'FlowMapping':
      return Object.fromEntries(childrenOf(node).flatMap((pair) => (pair.name === 'Pair' ? [[keyOf(pair, text), read(valueNode(pair), text)]] : [])));
    case 'BlockSequence':
    case 'FlowSequence':
      return itemsOf(node).map((item) => read(item, text));
    case 'QuotedLiteral':
      return unquoted(written);
    case 'BlockLiteral':
      return blockText(written);
    default:
      return scalar(folded(written));
  }
}

function scalar(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  if (text === '' || text === '~' || text === 'null') return null;
  return /^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$/.test(text) ? Number(text) : text;
}

function unquoted(text: string): string {
  const inner = folded(text.slice(1, -1));
  if (text.startsWith("'")) return inner.replaceAll("''", "'");
  return inner.replace(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/g, (_, code: string) => ESCAPES[code] ?? (code.length > 1 ? String.fromCharCode(parseInt(code.slice(1), 16)) : code));
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', '0': '\0', e: '\x1b', _: '\u00a0' };

/** Lines of a text without a block of its own are words of one line; an empty one between is a new line. */
function folded(text: string): string {
  return text.includes('\n') ? text.replace(/[ \t]*\n(\s*\n)?[ \t]*/g, (_, empty?: string) => (empty === undefined ? ' ' : '\n')) : text;
}

/** Of `|` and `>`, with what they say of the end: `-` none, `+` all of it. */
function blockText(written: string): string {
  const end = written.indexOf('\n');
  const header = (end < 0 ? written : written.slice(0, end)).replace(/\s*#.*$/, '').trim();
  const lines = end < 0 ? [] : written.slice(end + 1).split('\n');
  const least = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)));
  const indent = Number.isFinite(least) ? least : 0;
  const text = lines.map((line) => line.slice(indent)).join('\n');
  const joined = header.startsWith('>') ? text.trimEnd().replace(/([^\n])\n(?=[^\n ])/g, '$1 ').replace(/\n\n/g, '\n') : text.trimEnd();
  if (header.includes('+')) return text;
  return header.includes('-') || joined === '' ? joined : `${joined}\n`;
}

function undented(text: string, indent: number): string {
  return text
    .split('\n')
    .map((line, at) => (at === 0 ? line : line.slice(Math.min(indent, Math.max(0, line.search(/\S|$/))))))
    .join('\n');
}
