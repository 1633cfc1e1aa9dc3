// What went wrong with a request, in the words of the server.

import type { ErrorAnswer } from './schema';

/** A request that was not answered as asked; `status` is 0 where the server was not reached. */
export class Failure extends Error {
  override readonly name = 'Failure';

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint?: string,
    /** The whole answer, for who looks for more in it: faults with their places. */
    readonly answer?: unknown,
  ) {
    super(message);
  }

  get isSignedOut(): boolean {
    return this.status === 401;
  }

  /** True for what may be over soon without anybody doing anything. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** Reads the server's error out of an answer; answers of proxies between have no such body. */
export async function failureOf(answer: Response): Promise<Failure> {
  try {
    const whole = (await answer.json()) as ErrorAnswer;
    return new Failure(answer.status, whole.error.code, whole.error.message, whole.error.hint ?? undefined, whole);
  } catch {
    return new Failure(answer.status, 'unexpected', `the server answered ${answer.status} ${answer.statusText}`.trim());
  }
}

/** Of anything that was thrown, what can be told. */
export function failureFrom(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  return new Failure(0, 'unexpected', thrown instanceof Error ? thrown.message : String(thrown));
}
