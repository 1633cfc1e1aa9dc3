// What the SQL endpoint answers: rows with their types, or what is wrong and where.

import { Failure } from '../../api/failure';
import type { AnswerColumn, ErrorBody } from '../../api/schema';
import type { Fault } from '../../components/CodeEditor';
import type { Rows } from '../../rows/rows';
import type { Times } from '../dashboards/times';

export interface SqlAnswer extends Rows {
  columns: AnswerColumn[];
  rows: unknown[][];
  warnings?: string[];
  elapsed_ms?: number;
  /** There are more rows than the page keeps. */
  isCut: boolean;
  /** Over which it was asked, when the statement names a range. */
  times?: Times | undefined;
}

type SqlError = ErrorBody & { line?: number; column?: number };

/** The answer as JSON, each row on a line of its own; `isCut` when it broke off after some row. */
export function readAnswer(text: string, isCut: boolean): SqlAnswer {
  const whole = isCut ? `${text.slice(0, text.lastIndexOf(',\n'))}]}` : text;
  const answer = parseExactly(whole) as Omit<SqlAnswer, 'isCut'> & { error?: SqlError };
  // What fails after the first row is told at the end of an answer that began well.
  if (answer.error !== undefined) throw new Failure(200, answer.error.code, answer.error.message, answer.error.hint ?? undefined, answer);
  return { ...answer, isCut };
}

/** Integers that scripts cannot count to exactly become texts, digit by digit. */
function parseExactly(text: string): unknown {
  if (!/[[,:]-?\d{16,}[\],}]/.test(text)) return JSON.parse(text);
  // Texts are matched as well, so that digits in them are left alone.
  const exact = text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) => (/^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token));
  return JSON.parse(exact);
}

/** Where in the statement the server says it is wrong. */
export function faultsOf(error: unknown): Fault[] {
  if (!(error instanceof Failure)) return [];
  const { line, column, message } = ((error.answer as { error?: SqlError } | undefined)?.error ?? {}) as Partial<SqlError>;
  return line === undefined ? [] : [{ line, column, message: message ?? '' }];
}

/** `params` of the address: a JSON array; throws a `Failure` for anything else. */
export function paramsOf(text: string | undefined): unknown[] {
  if (text === undefined) return [];
  try {
    const params: unknown = JSON.parse(text);
    if (Array.isArray(params)) return params;
  } catch {
    // Told below, as everything else that is no array.
  }
  throw new Failure(400, 'invalid', 'the parameters are not a JSON array', 'write them as ["checkout", 500]; $1 in the statement is the first');
}
