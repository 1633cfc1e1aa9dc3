// Puts compressed forms beside the files of the built app, so that the server only has to choose one, and holds the first load to its budget.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const BYTES_MIN = 1024;
/** Of script with gzip: all that is loaded before the first page. */
const FIRST_LOAD_BYTES_MAX = 300_000;
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

const scripts = new Set(readFileSync('dist/index.html', 'utf8').match(/assets\/[\w.-]+\.js/g));
const firstLoad = [...scripts].reduce((sum, script) => sum + gzipSync(readFileSync(join('dist', script)), { level: 9 }).length, 0);
console.log(`first load: ${Math.round(firstLoad / 1000)} kB of script`);
if (firstLoad > FIRST_LOAD_BYTES_MAX) throw new Error(`the first load is ${firstLoad} bytes of script, at most ${FIRST_LOAD_BYTES_MAX} are allowed`);
