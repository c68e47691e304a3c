// A server for the examples: items that fail at first, and orders in pages. Its port is the first argument, or any.
import { createServer } from 'node:http';

const failures = { 2: [503], 3: [429, 500], 4: [500, 500, 500, 500, 500] };

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const reply = (status, body, headers = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
  const [, what, id] = url.pathname.split('/');
  if (what === 'items') {
    const failure = failures[id]?.shift();
    if (failure) return reply(failure, { error: 'not now' }, failure === 429 ? { 'retry-after': '0.1' } : {});
    return id < 5 ? reply(200, { name: `item ${id}` }) : reply(404, { error: 'no such item' });
  }
  if (what === 'orders') {
    const page = Number(url.searchParams.get('page') ?? 1);
    const orders = [1, 2, 3].map((at) => ({ id: page * 10 + at, total: page * at }));
    return reply(200, orders, page < 4 ? { link: `</orders?page=${page + 1}>; rel="next"` } : {});
  }
  reply(404, { error: 'nothing is here' });
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(server.address().port));
