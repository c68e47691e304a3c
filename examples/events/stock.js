// Paid orders leave the stock: an event tells of each order, and one of each article that runs short.
const left = { ...input.stock };
const retried = [];

// A sink may be away for a moment: what it may take later is published again, what it never takes is not.
const publish = async (topic, payload, attempts = 3) => {
    for (let attempt = 1; ; attempt++) {
        try {
            return await events.publish(topic, payload);
        } catch (error) {
            if (!error.retryable || attempt === attempts) throw error;
            retried.push(topic);
            await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt));
        }
    }
};

for (const { id, items } of input.orders) {
    for (const [sku, count] of Object.entries(items)) left[sku] -= count;
    // Whoever receives an event may receive it twice: by its key it is known again.
    await publish('orders.paid', { key: id, items });
}

const short = Object.keys(left).filter((sku) => left[sku] < input.least);
// Side by side: their order does not matter.
await Promise.all(short.map((sku) => publish('stock.short', { sku, left: left[sku] })));

({ left, short, retried });
