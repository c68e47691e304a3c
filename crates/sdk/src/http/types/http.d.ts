
interface RequestInit {
  method?: string;
  headers?: Headers | Iterable<readonly [string, string]> | Record<string, string>;
  body?: BodyInit | null;
  redirect?: "follow" | "error" | "manual";
  signal?: AbortSignal | null;
  /** How long it may take; never more than the host allows. */
  timeoutMs?: number;
  /** The names of credentials that the host sends along, to their hosts alone. */
  secrets?: string | readonly string[];
}
type BodyInit = string | ArrayBuffer | ArrayBufferView | URLSearchParams;
interface Body {
  readonly bodyUsed: boolean;
  text(): Promise<string>;
  json(): Promise<any>;
  bytes(): Promise<Uint8Array>;
  arrayBuffer(): Promise<ArrayBuffer>;
}
interface Request extends Body {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly redirect: "follow" | "error" | "manual";
  readonly signal: AbortSignal | null;
  clone(): Request;
}
declare var Request: {
  prototype: Request;
  new (input: string | URL | Request, init?: RequestInit): Request;
};
interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: Headers | Iterable<readonly [string, string]> | Record<string, string>;
}
interface Response extends Body {
  readonly status: number;
  readonly ok: boolean;
  readonly statusText: string;
  readonly headers: Headers;
  readonly url: string;
  readonly redirected: boolean;
  clone(): Response;
}
declare var Response: {
  prototype: Response;
  new (body?: BodyInit | null, init?: ResponseInit): Response;
  json(data: unknown, init?: ResponseInit): Response;
};
declare function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;

interface HttpReply<T = any> {
  status: number;
  /** Whether the status is one from 200 to 299. */
  ok: boolean;
  /** By their names, in lower case. */
  headers: Record<string, string>;
  url: string;
  /** Parsed if it is JSON, a string if it is text, and bytes otherwise. */
  body: T;
}
type HttpOptions = Omit<RequestInit, "method" | "body">;
declare const http: {
  get<T = any>(url: string | URL, options?: HttpOptions): Promise<HttpReply<T>>;
  post<T = any>(url: string | URL, body?: unknown, options?: HttpOptions): Promise<HttpReply<T>>;
  put<T = any>(url: string | URL, body?: unknown, options?: HttpOptions): Promise<HttpReply<T>>;
  patch<T = any>(url: string | URL, body?: unknown, options?: HttpOptions): Promise<HttpReply<T>>;
  delete<T = any>(url: string | URL, options?: HttpOptions & { body?: unknown }): Promise<HttpReply<T>>;
  request<T = any>(
    url: string | URL,
    options?: HttpOptions & { method?: string; body?: unknown },
  ): Promise<HttpReply<T>>;
};
