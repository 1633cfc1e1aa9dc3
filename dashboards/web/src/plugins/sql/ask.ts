// Asks the server in SQL, and reads the answer while it arrives.

import type { Statement } from '../../api/schema';
import { request } from '../../api/session';
import { readAnswer, type SqlAnswer } from './answer';

/** Of what a page keeps of an answer; exports have all of it. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export const FORMATS = [
  { id: 'csv', name: 'CSV', type: 'text/csv' },
  { id: 'ndjson', name: 'NDJSON', type: 'application/x-ndjson' },
  { id: 'arrow', name: 'Arrow stream', type: 'application/vnd.apache.arrow.stream' },
] as const;

/** `onBytes` is told how much has arrived. */
export async function ask(statement: Statement, signal: AbortSignal, onBytes?: (bytes: number) => void): Promise<SqlAnswer> {
  const answer = await send(statement, 'application/json', signal);
  const reader = answer.body?.getReader();
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for (;;) {
    const chunk = await reader?.read();
    if (chunk?.value === undefined) return readAnswer(text + decoder.decode(), false);
    bytes += chunk.value.byteLength;
    text += decoder.decode(chunk.value, { stream: true });
    onBytes?.(bytes);
    if (bytes > ANSWER_BYTES_MAX) {
      await reader?.cancel();
      return readAnswer(text, true);
    }
  }
}

/** All rows in one of `FORMATS`. */
export async function exported(statement: Statement, type: string, signal: AbortSignal): Promise<Blob> {
  return (await send(statement, type, signal)).blob();
}

function send(statement: Statement, accept: string, signal: AbortSignal): Promise<Response> {
  const headers = { Accept: accept, 'Content-Type': 'application/json' };
  return request(new Request('/api/v1/sql', { method: 'POST', headers, body: JSON.stringify(statement), signal }));
}
