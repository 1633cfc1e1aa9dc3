// What `alerting.files` says of faults, as SQL answers it.

export interface FileFault {
  line?: number;
  column?: number;
  message: string;
}

export interface FaultyFile {
  file: string;
  faults: FileFault[];
}

/** Reads an answer of SQL whose first columns are `file` and `faults`. */
export function readFiles(answer: unknown): FaultyFile[] {
  const rows = typeof answer === 'object' && answer !== null && 'rows' in answer && Array.isArray(answer.rows) ? (answer.rows as unknown[]) : [];
  return rows.flatMap((row) => {
    const [file, faults] = Array.isArray(row) ? (row as unknown[]) : [];
    if (typeof file !== 'string' || !Array.isArray(faults)) return [];
    return [{ file, faults: faults.filter((fault) => typeof fault === 'string').map(readFault) }];
  });
}

/** `line 2, column 14: there is no measure…`; some faults are of the whole file. */
export function readFault(text: string): FileFault {
  const [, line, column, message] = /^line (\d+), column (\d+): (.*)$/s.exec(text) ?? [];
  return message === undefined ? { message: text } : { line: Number(line), column: Number(column), message };
}
