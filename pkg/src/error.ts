// The one error class of the package.

/** What went wrong, for programs. The server's own codes are among them, and there may be more of those. */
export type ErrorCode =
  | "closed" | "load" | "bad_option" | "encode" | "decode" | "outbox_full" | "expired"
  | "bad_topic" | "too_many_topics" | "too_large" | "forbidden" | "token_expired" | "unauthorized" | "rate_limited"
  | (string & {});

/** Why something was refused, or did not come to be. */
export class EverwireError extends Error {
  override readonly name = "EverwireError";
  constructor(
    message: string,
    /** What went wrong, for programs. */
    readonly code: ErrorCode,
    /** Whether the same may work later. */
    readonly retryable: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An error of the module as one of this package. @internal */
export function typed(error: unknown): unknown {
  const { message, code, retryable } = error as EverwireError;
  return typeof code === "string" && !(error instanceof EverwireError) ? new EverwireError(message, code, retryable) : error;
}
