// Puts compressed forms beside the files of the built app, so that the server only has to choose one.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const BYTES_MIN = 1024;
const forms = [
  ['br', brotliCompressSync],
  ['gz', (bytes) => gzipSync(bytes, { level: 9 })],
];

for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
  const path = join('dist', name);
  if (!/\.(js|css|html|svg|json)$/.test(name) || statSync(path).size < BYTES_MIN) continue;
  const bytes = readFileSync(path);
  for (const [end, compress] of forms) writeFileSync(`${path}.${end}`, compress(bytes));
}
