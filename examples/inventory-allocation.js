// Allocates stock of several warehouses to orders: urgent orders first, from as few warehouses as possible, nearest
// first; what cannot be had is backordered.

const stock = new Map(input.warehouses.map(({ name, stock }) => [name, new Map(Object.entries(stock))]));
const available = (warehouse, sku) => stock.get(warehouse).get(sku) ?? 0;

function take(warehouse, sku, quantity) {
  const taken = Math.min(quantity, available(warehouse, sku));
  if (taken > 0) stock.get(warehouse).set(sku, available(warehouse, sku) - taken);
  return taken;
}

function allocate(order) {
  const near = input.distances[order.region];
  const byDistance = [...stock.keys()].sort((a, b) => near[a] - near[b]);
  const shipments = new Map();
  const backorders = {};

  const whole = byDistance.find(warehouse => order.lines.every(line => available(warehouse, line.sku) >= line.quantity));
  for (const { sku, quantity } of order.lines) {
    let open = quantity;
    for (const warehouse of whole ? [whole] : byDistance) {
      const taken = take(warehouse, sku, open);
      if (taken === 0) continue;
      open -= taken;
      const shipment = shipments.get(warehouse) ?? {};
      shipments.set(warehouse, { ...shipment, [sku]: taken });
    }
    if (open > 0) backorders[sku] = open;
  }
  return { order: order.id, shipments: Object.fromEntries(shipments), backorders };
}

// Equal priority: first come, first served. Sorting is stable.
const queue = [...input.orders].sort((a, b) => b.priority - a.priority);
const allocations = queue.map(allocate);

const short = allocations.filter(({ backorders }) => Object.keys(backorders).length > 0);
if (short.length > 0) console.warn('backorders for', short.map(({ order }) => order));

({
  allocations,
  remaining: Object.fromEntries([...stock].map(([name, levels]) => [name, Object.fromEntries(levels)])),
});
