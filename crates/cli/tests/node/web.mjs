// Runs the rows of web APIs under Node, and compares what they give with what they say.
//
//     node web.mjs ROWS.json
//
// prints how many rows were compared, or those that differ, and exits with 1 then. Each row has a worker of its own,
// because rows patch builtins.

import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { stringify } = JSON; // Taken before the row can patch it.
  const post = parentPort.postMessage.bind(parentPort);
  const AsyncFunction = (async () => {}).constructor;
  (async () => {
    try {
      post(stringify(await new AsyncFunction('input', 'context', workerData)()) ?? 'null');
    } catch (error) {
      post(stringify({ throws: String(error?.name) }));
    }
  })();
`;

const { rows } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
// A third part says why Node does something else.
const compared = Object.values(rows).flat().filter(row => row.length === 2);
const differing = [];
for (const [body, expected] of compared) {
  const got = await inWorker(body);
  if (got !== JSON.stringify(expected)) differing.push(`${body}\n   node: ${got}\n    row: ${JSON.stringify(expected)}`);
}
console.log(differing.length > 0 ? differing.join('\n') : compared.length);
process.exitCode = differing.length > 0 ? 1 : 0;

function inWorker(body) {
  return new Promise(resolve => {
    const worker = new Worker(WORKER, { eval: true, workerData: body });
    let told = 'nothing';
    worker.on('message', message => {
      told = message;
      worker.terminate();
    });
    worker.on('error', error => (told = String(error)));
    worker.on('exit', () => resolve(told));
  });
}
