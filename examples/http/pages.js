// Reads a list that comes in pages: each tells where the next one is in a header, `Link: <URL>; rel="next"`.
const { base, pagesMax = 20 } = input;

const next = (headers, url) => {
  const link = /<([^>]*)>\s*;[^,]*rel="?next"?/.exec(headers.get('link') ?? '');
  return link && new URL(link[1], url).href;
};

const orders = [];
let pages = 0, url = `${base}/orders`;
while (url && pages < pagesMax) {
  const response = await fetch(url, { headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`page ${pages + 1} could not be read: ${response.status}`);
  orders.push(...await response.json());
  url = next(response.headers, response.url);
  pages += 1;
}

({ pages, complete: !url, orders: orders.length, total: orders.reduce((sum, { total }) => sum + total, 0) })
