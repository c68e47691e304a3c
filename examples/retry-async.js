// Retries operations that fail now and then, with exponential backoff, several at a time.
// A classic script may use `await` at the top level. Here both the operation and the clock are simulated.

class TemporaryError extends Error {
  name = 'TemporaryError';
}

const clock = {
  nowMs: 0,
  async sleep(ms) {
    this.nowMs += ms;
  },
};

// Fails as often as the task says, then answers.
const attempts = new Map();
async function call(task) {
  const attempt = (attempts.get(task.name) ?? 0) + 1;
  attempts.set(task.name, attempt);
  await null;
  if (task.broken) throw new Error(`${task.name} does not exist`);
  if (attempt <= task.failures) throw new TemporaryError(`${task.name} is busy`);
  return task.name.toUpperCase();
}

async function retry(operation, { retries, firstDelayMs }) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await operation();
    } catch (error) {
      // Only what may pass is worth another try.
      if (!(error instanceof TemporaryError) || attempt === retries) throw error;
      const delayMs = firstDelayMs * 2 ** attempt;
      console.debug(`${error.message}, again in ${delayMs} ms`);
      await clock.sleep(delayMs);
    }
  }
}

const settled = await Promise.allSettled(input.tasks.map(task => retry(() => call(task), input.policy)));

const results = settled.map(({ status, value, reason }, index) => ({
  task: input.tasks[index].name,
  attempts: attempts.get(input.tasks[index].name),
  ...(status === 'fulfilled' ? { value } : { error: `${reason.name}: ${reason.message}` }),
}));

({ results, failed: results.filter(result => result.error).length, sleptMs: clock.nowMs });
