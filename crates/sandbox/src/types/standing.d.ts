/** What the caller gave the script to work on. */
declare var input: any;

/** Who runs what, with the caller's own fields. Deeply frozen. */
declare const context: {
  readonly tenant: string;
  readonly user: string | null;
  readonly organization: string | null;
  readonly script: string;
  readonly execution: string;
  readonly [field: string]: any;
};

/** The global object. */
declare var self: typeof globalThis;

/** Its lines are part of the report. */
declare var console: {
  log(...data: any[]): void;
  info(...data: any[]): void;
  debug(...data: any[]): void;
  warn(...data: any[]): void;
  error(...data: any[]): void;
  trace(...data: any[]): void;
  assert(condition?: unknown, ...data: any[]): void;
  dir(value?: any, options?: { depth?: number | null }): void;
  table(data?: any, columns?: string[]): void;
  count(label?: string): void;
  countReset(label?: string): void;
  group(...data: any[]): void;
  groupCollapsed(...data: any[]): void;
  groupEnd(): void;
  time(label?: string): void;
  timeLog(label?: string, ...data: any[]): void;
  timeEnd(label?: string): void;
};

/** The text whose characters are the bytes that `data` has in base64. */
declare function atob(data: string): string;
/** Base64 of a text of which each character is a byte. */
declare function btoa(data: string): string;
declare function queueMicrotask(callback: () => void): void;

interface DOMException extends Error {
  readonly name: string;
  readonly message: string;
  readonly code: number;
}
declare var DOMException: {
  prototype: DOMException;
  new (message?: string, name?: string): DOMException;
};

/** An error of the engine itself, such as a stack that is used up. */
interface InternalError extends Error {}
declare var InternalError: {
  readonly prototype: InternalError;
  new (message?: string, options?: { cause?: unknown }): InternalError;
  (message?: string, options?: { cause?: unknown }): InternalError;
};
