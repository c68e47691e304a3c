const items = input.items;
const byCat = Object.groupBy(items, i => i.cat);
console.table(items);
console.log('%s has %d items %o', 'cart', items.length, {a:{b:{c:{d:1}}}});
const total = items.map(i => i.price * i.qty).reduce((a, b) => a + b, 0);
const u = new URL('https://user:pw@example.com:8080/a/b?x=1&y=2#h'); u.searchParams.append('z', 'ü');
const h = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc'));
const hex = [...new Uint8Array(h)].map(b => b.toString(16).padStart(2, '0')).join('');
const ac = new AbortController(); setTimeout(() => ac.abort(new Error('late')), 5);
const aborted = await new Promise(r => ac.signal.addEventListener('abort', () => r(ac.signal.reason.message)));
({ total, byCat, href: u.href, hex, aborted, s: structuredClone(new Map([[1, {a: new Date(0)}]])).get(1), at: atob('aGk='), d: new Intl2() })
function Intl2() { this.x = [1.5.toFixed(2), (1234.5).toLocaleString()] }
