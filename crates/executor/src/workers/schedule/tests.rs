//! Properties of the schedule, in simulated time.

use proptest::prelude::*;

use super::*;

const SLICE: Duration = Duration::from_millis(1);

fn tenant(number: usize) -> TenantId {
    TenantId::new(format!("tenant-{number}")).expect("valid")
}

fn claim(number: usize, weight: u32) -> Claim {
    Claim {
        tenant: Some(tenant(number)),
        weight: NonZeroU32::new(weight).expect("not 0"),
        expected: None,
        deadline: None,
    }
}

/// What a worker does next; all of it is of this tenant.
fn next(schedule: &mut Schedule<usize>, worker: usize) -> Option<(Ticket, usize)> {
    schedule.next(worker, Duration::ZERO)
}

#[test]
fn new_work_is_next_beside_runs_that_never_end() {
    let mut schedule = Schedule::new(1);
    for number in 0..40 {
        for _ in 0..5 {
            schedule.submit(claim(number, 1), number, None);
        }
    }
    // All of them have begun by then.
    for _ in 0..400 {
        let (ticket, number) = next(&mut schedule, 0).expect("work");
        schedule.preempted(ticket, SLICE, number);
    }
    for turn in 0..1_000 {
        let (ticket, number) = next(&mut schedule, 0).expect("work");
        if turn % 7 == 0 {
            schedule.submit(claim(100 + turn, 1), 100 + turn, None);
        }
        assert_eq!(schedule.preempted(ticket, SLICE, number), None);
        if turn % 7 == 0 {
            let (ticket, number) = next(&mut schedule, 0).expect("work");
            assert_eq!(number, 100 + turn, "whoever is new has been served least");
            schedule.over(ticket, SLICE / 10);
        }
    }
}

#[test]
fn what_is_past_its_deadline_comes_first() {
    let mut schedule = Schedule::new(1);
    let at = |milliseconds| Some(Duration::from_millis(milliseconds));
    let late = schedule.submit(Claim { deadline: at(30), ..claim(1, 1) }, 30, None).ticket;
    schedule.submit(Claim { deadline: at(20), ..claim(2, 1) }, 20, None);
    schedule.submit(claim(3, 1_000), 0, None);
    let mut order = |now| {
        let (ticket, work) = schedule.next(0, Duration::from_millis(now)).expect("work");
        schedule.preempted(ticket, SLICE, work);
        work
    };
    let before = [0; 8].map(&mut order);
    assert!([0, 20, 30].iter().all(|work| before.contains(work)), "before, all have their turns: {before:?}");
    assert_eq!([order(20), order(21)], [20, 20], "until it is ended");
    assert_eq!(order(40), 20, "of two, the one that is later");
    assert_eq!(schedule.hurry(late), Some(0));
    let (ticket, work) = schedule.next(0, Duration::ZERO).expect("work");
    assert_eq!((ticket, work), (late, 30), "nobody waits for it");
    schedule.over(ticket, SLICE);
    assert_eq!(schedule.hurry(late), None);
}

#[test]
fn short_runs_and_long_ones_of_a_tenant_take_turns() {
    let mut schedule = Schedule::new(1);
    schedule.submit(claim(1, 1), 0, None);
    let (long, _) = next(&mut schedule, 0).expect("work");
    schedule.preempted(long, SLICE, 0);
    for short in 1..=20 {
        schedule.submit(claim(1, 1), short, None);
    }
    let order: Vec<_> = (0..23)
        .map(|_| {
            let (ticket, work) = next(&mut schedule, 0).expect("work");
            match work {
                0 => assert_eq!(schedule.preempted(ticket, SLICE, 0), None),
                _ => schedule.over(ticket, SLICE / 10),
            }
            work
        })
        .collect();
    let expected: Vec<_> = [0].into_iter().chain(1..=10).chain([0]).chain(11..=20).chain([0]).collect();
    assert_eq!(order, expected, "short ones first, until they have had a slice more than the long one");
}

#[test]
fn what_is_expected_to_be_long_does_not_come_first() {
    let mut schedule = Schedule::new(1);
    for (expected_us, work) in [(Some(1_001), 1), (Some(20_000), 2), (None, 3), (Some(1_000), 4)] {
        let expected = expected_us.map(Duration::from_micros);
        schedule.submit(Claim { expected, ..claim(1, 1) }, work, None);
    }
    let order: Vec<_> = (0..4)
        .filter_map(|_| {
            let (ticket, work) = next(&mut schedule, 0)?;
            schedule.over(ticket, SLICE / 10);
            Some(work)
        })
        .collect();
    assert_eq!(order, [3, 4, 1, 2]);
}

#[test]
fn an_idle_worker_takes_what_has_not_begun() {
    let mut schedule = Schedule::new(2);
    for number in 0..4 {
        schedule.submit(claim(number, 1), number, None);
    }
    let mut done = Vec::new();
    while let Some((ticket, number)) = next(&mut schedule, 1) {
        schedule.over(ticket, SLICE);
        done.push(number);
    }
    done.sort_unstable();
    assert_eq!(done, [0, 1, 2, 3], "also what was placed elsewhere");
    let Placed { ticket: long, worker, .. } = schedule.submit(claim(1, 1), 7, None);
    next(&mut schedule, worker).expect("work");
    schedule.preempted(long, SLICE, 7);
    assert!(next(&mut schedule, 1 - worker).is_none(), "what has begun stays with its worker");
}

#[test]
fn a_thread_that_is_lost_takes_what_has_begun_with_it() {
    let mut schedule = Schedule::new(2);
    let ticket = schedule.submit(claim(1, 1), 1, Some(0)).ticket;
    next(&mut schedule, 0).expect("work");
    schedule.preempted(ticket, SLICE, 1);
    schedule.submit(claim(2, 1), 2, Some(1));
    let stuck = schedule.submit(claim(3, 1), 3, Some(0)).ticket;
    assert_eq!(next(&mut schedule, 0), Some((stuck, 3)), "it has been served least");
    let fresh = schedule.submit(claim(4, 1), 4, Some(1)).ticket;
    let queued = schedule.submit(claim(5, 1), 5, Some(0)).ticket;
    assert_eq!(schedule.lose_thread(0), [1]);
    assert_eq!(schedule.preempted(stuck, SLICE, 3), Some(3), "nobody knows it any more");
    let mut left = Vec::new();
    for worker in [0, 1] {
        while let Some((ticket, _)) = next(&mut schedule, worker) {
            left.push(ticket);
            schedule.over(ticket, SLICE);
        }
    }
    assert!(left.contains(&fresh) && left.contains(&queued) && left.len() == 3, "what is fresh is done by others");
    assert!(schedule.is_idle(0) && schedule.is_idle(1));
}

#[test]
fn nothing_is_kept_of_those_who_are_gone() {
    let mut schedule = Schedule::new(1);
    // Somebody is always there, so that others are behind or ahead of somebody.
    let steady = schedule.submit(claim(0, 1), 0, None).ticket;
    for number in 1..10_000 {
        schedule.submit(claim(number, 1), number, None);
        for _ in 0..2 {
            let (ticket, work) = next(&mut schedule, 0).expect("work");
            match ticket == steady {
                true => assert_eq!(schedule.preempted(ticket, SLICE, work), None),
                false => schedule.over(ticket, SLICE / 2),
            }
        }
    }
    let queue = &schedule.queues[0];
    assert!(queue.tenants.len() < 10 && queue.short.len() < 10, "{} tenants", queue.tenants.len());
    assert!(schedule.items.len() < 10);
}

#[derive(Debug, Clone)]
struct Step {
    tenant: usize,
    submits: bool,
    worker: usize,
    cpu: u64,
    is_over: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..6usize, prop::bool::weighted(0.3), 0..3usize, 1..1_000u64, prop::bool::weighted(0.2));
    let step = step.prop_map(|(tenant, submits, worker, cpu, is_over)| Step { tenant, submits, worker, cpu, is_over });
    prop::collection::vec(step, 1..400)
}

proptest! {
    /// Whatever happens, work is placed where there is least of it, and each piece is over once.
    #[test]
    fn all_work_is_done_once(steps in steps()) {
        let mut schedule = Schedule::new(3);
        let (mut waiting, mut loads) = (std::collections::HashSet::new(), [0u64; 3]);
        let mut at = HashMap::new();
        for Step { tenant, submits, worker, cpu, is_over } in steps {
            if submits {
                let weight = tenant as u32 + 1;
                let Placed { ticket, worker: placed, .. } = schedule.submit(claim(tenant, weight), weight as usize, None);
                prop_assert_eq!(loads[placed], *loads.iter().min().expect("three"), "the least load");
                prop_assert!(waiting.insert(ticket));
                loads[placed] += u64::from(weight);
                at.insert(ticket, placed);
            }
            if let Some((ticket, weight)) = schedule.next(worker, Duration::ZERO) {
                prop_assert!(waiting.contains(&ticket));
                // It may have been another worker's until now.
                let was = at.insert(ticket, worker).expect("known");
                loads[was] -= weight as u64;
                loads[worker] += weight as u64;
                let cpu = Duration::from_micros(cpu);
                if is_over {
                    schedule.over(ticket, cpu);
                    waiting.remove(&ticket);
                    loads[worker] -= weight as u64;
                } else {
                    prop_assert_eq!(schedule.preempted(ticket, cpu, weight), None);
                }
            }
        }
        for worker in 0..3 {
            while let Some((ticket, _)) = schedule.next(worker, Duration::ZERO) {
                prop_assert!(waiting.remove(&ticket));
                schedule.over(ticket, SLICE);
            }
            prop_assert!(schedule.is_idle(worker));
        }
        prop_assert!(waiting.is_empty() && schedule.items.is_empty());
    }

    /// While tenants have work on a worker, none of them is more than two slices behind its share, at any time; with
    /// others that come and go.
    #[test]
    fn nobody_is_far_behind(
        weights in prop::collection::vec(1..6u32, 2..6),
        slices in prop::collection::vec((1..=1_000u64, any::<bool>()), 50..300),
    ) {
        let mut schedule = Schedule::new(1);
        for (number, weight) in weights.iter().enumerate() {
            for _ in 0..2 {
                schedule.submit(claim(number, *weight), number, None);
            }
        }
        let mut served = vec![0.0; weights.len()];
        for (turn, (microseconds, visits)) in slices.into_iter().enumerate() {
            if visits {
                schedule.submit(claim(100 + turn % 3, 1), 100, None);
            }
            let (ticket, number) = next(&mut schedule, 0).expect("work");
            let cpu = Duration::from_micros(microseconds);
            if number == 100 {
                schedule.over(ticket, cpu);
                continue;
            }
            served[number] += cpu.as_secs_f64() / f64::from(weights[number]);
            schedule.preempted(ticket, cpu, number);
            let (least, most) = served.iter().fold((f64::MAX, 0.0f64), |(least, most), &s| (least.min(s), most.max(s)));
            prop_assert!(most - least <= 2.0 * SLICE.as_secs_f64() + 1e-9, "{served:?}");
        }
    }
}

#[test]
fn short_work_does_not_wait_for_a_worker_that_is_held_up() {
    let ms = Duration::from_millis;
    let mut schedule = Schedule::new(2);
    let long = [0, 1].map(|tenant| schedule.submit(claim(tenant, 1), tenant, None));
    for placed in &long {
        let (ticket, work) = schedule.next(placed.worker, ms(0)).expect("work");
        assert!(schedule.preempted(ticket, ms(1), work).is_none());
        assert!(schedule.next(placed.worker, ms(0)).is_some(), "another slice of it");
    }
    let [held_up, other] = long;
    let short = schedule.submit(claim(2, 1), 2, Some(held_up.worker));
    assert_eq!(short.worker, held_up.worker);
    assert!(schedule.preempted(other.ticket, ms(1), 1).is_none());
    let (ticket, work) = schedule.next(other.worker, ms(1)).expect("work");
    assert_eq!(ticket, other.ticket, "a slice is not over by then");
    assert!(schedule.preempted(ticket, ms(1), work).is_none());
    assert_eq!(schedule.next(other.worker, ms(2)).expect("work").0, short.ticket);
    schedule.over(short.ticket, ms(1));
    assert_eq!(schedule.next(other.worker, ms(3)).expect("work").0, other.ticket);
    schedule.over(held_up.ticket, ms(3));
    assert!(schedule.is_idle(held_up.worker));
}
