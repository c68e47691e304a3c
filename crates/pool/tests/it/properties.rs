//! What holds after any sequence of events, checked against a plain model.

mod checks;
mod model;

use std::time::Duration;

use isolet_pool::admission::VmReturn;
use isolet_pool::{Need, PoolConfig, Share};
use proptest::prelude::*;

use self::model::Model;
use crate::weight;

/// What happens. Numbers choose among those to whom it can happen.
#[derive(Debug, Clone)]
enum Event {
    Request {
        tenant: u8,
        script: u8,
        need: Need,
        share: Share,
        affinity: Option<u64>,
    },
    Cancel(usize),
    ReturnVm(usize, VmReturn),
    /// With the CPU time in microseconds, if it is told.
    Release(usize, VmReturn, Option<u32>),
    /// On this thread.
    Begin(usize, usize),
    /// With the bytes that its VM holds.
    Holds(usize, usize),
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
    TurnAway,
}

fn event() -> impl Strategy<Value = Event> {
    let back = || prop_oneof![5 => Just(VmReturn::Kept), 1 => Just(VmReturn::Lost)];
    let cpu = prop_oneof![1 => Just(None), 3 => (0..20_000_u32).prop_map(Some), 3 => (0..200_u32).prop_map(Some)];
    prop_oneof![
        40 => request(),
        3 => any::<usize>().prop_map(Event::Cancel),
        3 => (any::<usize>(), back()).prop_map(|(at, vm)| Event::ReturnVm(at, vm)),
        20 => (any::<usize>(), back(), cpu).prop_map(|(at, vm, cpu)| Event::Release(at, vm, cpu)),
        40 => (any::<usize>(), 0..3_usize).prop_map(|(at, thread)| Event::Begin(at, thread)),
        4 => (any::<usize>(), 0..500_usize).prop_map(|(at, bytes)| Event::Holds(at, bytes)),
        30 => any::<usize>().prop_map(Event::Wait),
        8 => any::<usize>().prop_map(Event::GoOn),
        30 => (any::<usize>(), 0..50_usize).prop_map(|(at, bytes)| Event::Parked(at, bytes)),
        20 => any::<usize>().prop_map(Event::Reply),
        1 => any::<usize>().prop_map(Event::OutOfTurn),
        30 => any::<usize>().prop_map(Event::Made),
        5 => any::<usize>().prop_map(Event::Failed),
        10 => (0..400_u16).prop_map(Event::Pass),
        1 => (5_000..60_000_u16).prop_map(Event::Pass),
        // Rare, so that most sequences reach deep states.
        1 => prop_oneof![18 => Just(Event::Pass(1)), 1 => Just(Event::Drain), 1 => Just(Event::TurnAway)],
    ]
}

/// Five tenants with weights of 1 to 5, whose caps change from one request to the next.
fn request() -> impl Strategy<Value = Event> {
    let need = prop_oneof![3 => Just(Need::Vm), 1 => Just(Need::Permit)];
    let caps = prop_oneof![9 => Just((3, 2)), 1 => (0..6_usize, 0..5_usize)];
    let who = (0..5_u8, 0..3_u8, prop::option::of(0..8_u64));
    (who, need, caps).prop_map(|((tenant, script, affinity), need, (runs_per_tenant, runs_per_script))| {
        let share = Share { weight: weight(u32::from(tenant) + 1), runs_per_tenant, runs_per_script };
        Event::Request { tenant, script, need, share, affinity }
    })
}

fn config() -> impl Strategy<Value = PoolConfig> {
    let sizes =
        (1..8_usize, 0..8_usize, 0..12_usize, 1..20_usize, 0..400_usize, 0..101_usize, (0..200_u64, 0..1_500_usize));
    sizes.prop_map(
        |(vms_max, vms_initial, queue_max, runs_in_flight_max, parked_bytes_max, percent, (patience, memory))| {
            PoolConfig {
                first_runs_percent: percent,
                vms_initial: vms_initial.min(vms_max),
                vm_bytes: 100,
                memory_bytes_max: memory.max(100 * vms_initial.clamp(1, vms_max)),
                vms_max,
                runs_in_flight_max,
                parked_bytes_max,
                queue_max,
                queue_wait: Duration::from_millis(1_000),
                // In half of the pools none.
                vm_patience: Duration::from_millis(patience.saturating_sub(100)),
                idle_timeout: Duration::from_millis(2_000),
                ..PoolConfig::default()
            }
        },
    )
}

/// Whoever waits or runs goes away, and VMs are lost.
fn disaster() -> impl Strategy<Value = Event> {
    prop_oneof![
        10 => event(),
        3 => any::<usize>().prop_map(Event::Cancel),
        1 => any::<usize>().prop_map(|at| Event::ReturnVm(at, VmReturn::Lost)),
        2 => any::<usize>().prop_map(|at| Event::Release(at, VmReturn::Lost, None)),
        2 => any::<usize>().prop_map(|at| Event::Release(at, VmReturn::Kept, Some(0))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// VMs are conserved, no cap is exceeded, who is granted comes next, nobody waits beyond the bound or beside a VM that
    /// could be had, and all ends well.
    #[test]
    fn any_sequence_of_events_keeps_the_rules(config in config(), events in prop::collection::vec(event(), 1..150)) {
        let mut model = Model::new(config);
        events.into_iter().for_each(|event| model.apply(event));
        model.wind_up();
    }

    #[test]
    fn no_permit_is_lost_with_those_who_go_away(config in config(), events in prop::collection::vec(disaster(), 1..80)) {
        let mut model = Model::new(config);
        events.into_iter().for_each(|event| model.apply(event));
        model.wind_up();
    }

    /// Whether those who wait are served, in the midst of whatever happens, or turned away at once or later.
    #[test]
    fn a_drain_always_ends(
        config in config(),
        events in prop::collection::vec(event(), 1..60),
        later in prop::collection::vec(event(), 0..40),
        turns_away in any::<bool>(),
    ) {
        let mut model = Model::new(config);
        events.into_iter().for_each(|event| model.apply(event));
        model.apply(Event::Drain);
        later.into_iter().for_each(|event| model.apply(event));
        if turns_away {
            model.apply(Event::TurnAway);
        }
        model.wind_up();
        let stats = model.admission.stats();
        assert!(model.admission.is_drained() && stats.total == 0 && stats.being_made == 0, "{stats:?}");
    }
}
