//! What is kept for scripts and for waiting runs is small.

use isolet_core_traits::{ParkedRun, Purpose, Reset, SourceKind, Step, Vm};

use super::{Bench, WALL_TIME, interrupt};

/// A script of 1 KB, as customers write them.
const SCRIPT_1KB: &str = "
    // Prices an order: a discount by tier and size, tax by country, a line for each item.
    const RATES = { DE: 0.19, FR: 0.2, US: 0 };
    const discount = (order) => {
        if (order.tier === 'gold' && order.items.length > 10) return 0.15;
        return order.tier === 'gold' ? 0.1 : order.tier === 'silver' ? 0.05 : 0;
    };
    function line({ sku, quantity = 1, price = 0 }) {
        if (!sku) throw new TypeError('an item without sku');
        return { sku, quantity, total: Math.round(quantity * price * 100) / 100 };
    }
    class Order {
        constructor(order) {
            this.order = order;
            this.lines = (order.items ?? []).map(line);
        }
        get net() {
            return this.lines.reduce((sum, { total }) => sum + total, 0) * (1 - discount(this.order));
        }
        get gross() {
            return this.net * (1 + (RATES[this.order.country] ?? 0));
        }
    }
    const order = new Order({ tier: 'gold', country: 'DE', items: [{ sku: 'a', price: 3 }], ...input[1] });
    const customer = await host.step({ id: order.order.customer });
    ({ net: order.net, gross: order.gross, customer })";

#[test]
fn a_script_image_and_a_waiting_run_are_small() {
    assert!((1_000..1_400).contains(&SCRIPT_1KB.len()), "{} bytes", SCRIPT_1KB.len());
    let bench = Bench::new();
    let program = bench.compile(SCRIPT_1KB, SourceKind::Script).expect("compiles");
    let mut vm = bench.vm(Purpose::Run);
    for _ in 0..2 {
        assert!(matches!(bench.start(&mut vm, &program, interrupt(WALL_TIME)), Step::HostCalls { .. }));
        let parked = vm.park().expect("it waits");
        assert!(parked.bytes() <= 40_000, "a parked run of {} bytes", parked.bytes());
        assert_eq!(vm.reset(), Reset::Pristine);
    }
    assert!((1..=32 << 10).contains(&vm.image_bytes()), "an image of {} bytes", vm.image_bytes());
}
