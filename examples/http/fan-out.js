// Asks for several items at once. What may well come later is asked for again: each time after a longer pause, and not
// before its server says so.
const { base, ids, attemptsMax = 4 } = input;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

const load = async (id) => {
  for (let attempt = 1; ; attempt++) {
    let failed, pauseMs = 25 * 2 ** attempt * (0.5 + Math.random());
    try {
      const { ok, status, headers, body } = await http.get(`${base}/items/${id}`, { timeoutMs: 2000 });
      if (ok) return { id, attempt, name: body.name };
      failed = status;
      if (status !== 429 && status < 500) return { id, attempt, failed };
      pauseMs = Math.max(pauseMs, 1000 * (headers['retry-after'] ?? 0));
    } catch (error) {
      if (!error.retryable) throw error;
      failed = error.code;
    }
    if (attempt === attemptsMax) return { id, attempt, failed };
    console.info(`item ${id} failed with ${failed}: once more in ${Math.round(pauseMs)} ms`);
    await wait(pauseMs);
  }
};

await Promise.all(ids.map(load))
