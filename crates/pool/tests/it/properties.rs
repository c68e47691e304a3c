//! What holds after any sequence of events, checked against a plain model.

mod checks;
mod model;

use std::time::Duration;

use isolet_pool::admission::VmReturn;
use isolet_pool::{Need, PoolConfig};
use proptest::prelude::*;

use self::model::Model;

/// What happens. Numbers choose among those to whom it can happen.
#[derive(Debug, Clone)]
enum Event {
    Request {
        tenant: u8,
        script: u8,
        need: Need,
    },
    Cancel(usize),
    ReturnVm(usize, VmReturn),
    Release(usize, VmReturn),
    /// On this thread.
    Begin(usize, usize),
    Wait(usize),
    GoOn(usize),
    /// With the bytes.
    Parked(usize, usize),
    Reply(usize),
    /// All four of the above, to anyone, out of turn as they may be.
    OutOfTurn(usize),
    Made(usize),
    Failed(usize),
    Pass(u16),
    Drain,
}

fn event() -> impl Strategy<Value = Event> {
    let back = || prop_oneof![5 => Just(VmReturn::Kept), 1 => Just(VmReturn::Lost)];
    let need = prop_oneof![3 => Just(Need::Vm), 1 => Just(Need::Permit)];
    prop_oneof![
        40 => (0..5_u8, 0..3_u8, need).prop_map(|(tenant, script, need)| Event::Request { tenant, script, need }),
        3 => any::<usize>().prop_map(Event::Cancel),
        3 => (any::<usize>(), back()).prop_map(|(at, vm)| Event::ReturnVm(at, vm)),
        20 => (any::<usize>(), back()).prop_map(|(at, vm)| Event::Release(at, vm)),
        40 => (any::<usize>(), 0..3_usize).prop_map(|(at, thread)| Event::Begin(at, thread)),
        30 => any::<usize>().prop_map(Event::Wait),
        8 => any::<usize>().prop_map(Event::GoOn),
        30 => (any::<usize>(), 0..50_usize).prop_map(|(at, bytes)| Event::Parked(at, bytes)),
        20 => any::<usize>().prop_map(Event::Reply),
        1 => any::<usize>().prop_map(Event::OutOfTurn),
        30 => any::<usize>().prop_map(Event::Made),
        5 => any::<usize>().prop_map(Event::Failed),
        10 => (0..400_u16).prop_map(Event::Pass),
        // Rare, so that most sequences reach deep states.
        1 => prop_oneof![9 => Just(Event::Pass(1)), 1 => Just(Event::Drain)],
    ]
}

fn config() -> impl Strategy<Value = PoolConfig> {
    let sizes = (1..8_usize, 0..8_usize, 1..6_usize, 1..5_usize, 0..12_usize, 1..20_usize, 0..400_usize, 0..101_usize);
    sizes.prop_map(
        |(
            vms_max,
            vms_initial,
            runs_per_tenant,
            runs_per_script,
            queue_max,
            runs_in_flight_max,
            parked_bytes_max,
            percent,
        )| {
            PoolConfig {
                first_runs_percent: percent,
                vms_initial: vms_initial.min(vms_max),
                vms_max,
                runs_in_flight_max,
                parked_bytes_max,
                runs_per_tenant,
                runs_per_script,
                queue_max,
                queue_wait: Duration::from_millis(1_000),
                idle_timeout: Duration::from_millis(2_000),
                ..PoolConfig::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_events_keeps_the_rules(config in config(), events in prop::collection::vec(event(), 1..300)) {
        let mut model = Model::new(config);
        for event in events {
            model.apply(event);
        }
        model.wind_up();
    }
}
