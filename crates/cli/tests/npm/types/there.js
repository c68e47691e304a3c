// What every script finds under every policy: the compiler has nothing to say.
const lines = input.items ?? [];
const url = new URL('/a', 'https://example.com');
url.searchParams.append('q', 'größe');
for (const [name, value] of url.searchParams) console.log(name, value);
const sign = async (text) => {
  const bytes = new TextEncoder().encode(text);
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = await crypto.subtle.sign('HMAC', key, bytes);
  return [new Uint8Array(signature).length, key.usages, crypto.randomUUID()];
};
const timer = setTimeout((a, b) => a + b, 5, 1, 2);
clearTimeout(timer);
const controller = new AbortController();
controller.signal.addEventListener('abort', (event) => event.type, { once: true });
AbortSignal.any([controller.signal, AbortSignal.timeout(5)]).throwIfAborted();
structuredClone(new Map([[1, 2]]));
new Headers({ accept: 'text/plain' }).forEach((value, name) => name + value);
queueMicrotask(() => console.table([performance.now() + performance.timeOrigin, navigator.userAgent]));
const tenant = context.tenant.length + context.plan;
[InternalError, SuppressedError, Iterator, self, atob(btoa('x')), new DOMException('a', 'b').code];
[Object.groupBy([1], (n) => n), new Set([1]).union(new Set([2])), [1].values().map((n) => n).toArray(), new Float16Array(4)];
new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD', notation: 'compact' }).formatToParts(1)[0].value;
new Intl.DateTimeFormat('en-US', { dateStyle: 'full', timeZone: 'UTC' }).formatToParts(new Date())[0].type;
new Intl.ListFormat('en', { type: 'unit' }).format(['a']);
new Intl.RelativeTimeFormat('en').format(1, 'day');
new Intl.PluralRules('en').select(1);
