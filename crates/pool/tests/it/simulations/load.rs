//! Sources of requests, and the machine that they load: runs take the time that they take, VMs half a millisecond to make.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use isolet_pool::admission::{Decision, Ticket, VmId, VmReturn};
use isolet_pool::{Admission, Need, PoolConfig, PoolStats, Request, Share};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::request;

/// What a VM takes to be made.
const MAKING: Duration = Duration::from_micros(500);

/// Threads on which runs begin, in turn.
const THREADS: usize = 2;

/// Who asks, and how.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) tenant: String,
    pub(super) script: String,
    pub(super) share: Share,
    /// Between one arrival and the next: exactly, or on average and exponentially distributed.
    pub(super) every: Duration,
    pub(super) is_random: bool,
    /// Requests in each arrival.
    pub(super) requests: usize,
    /// On average, exponentially distributed.
    pub(super) run_time: Duration,
}

impl Source {
    pub(super) fn poisson(tenant: &str, every: Duration, run_time: Duration) -> Self {
        let (tenant, script) = (tenant.to_owned(), "a.js".to_owned());
        Self { tenant, script, share: Share::default(), every, is_random: true, requests: 1, run_time }
    }

    pub(super) fn burst(tenant: &str, requests: usize, every: Duration, run_time: Duration) -> Self {
        Self { is_random: false, requests, ..Self::poisson(tenant, every, run_time) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival { source: usize, generation: usize },
    Made(VmId),
    Over(Ticket),
    Tick,
}

/// One request, waiting or running.
struct Job {
    source: Source,
    run_time: Duration,
    is_running: bool,
}

pub(super) struct Load {
    admission: Admission,
    now: Duration,
    rng: TestRng,
    sources: Vec<Source>,
    /// Arrivals of sources that were replaced are void.
    generation: usize,
    events: BinaryHeap<Reverse<(Duration, Event)>>,
    jobs: HashMap<Ticket, Job>,
    begun: usize,
    /// By tenant and script.
    pub(super) waits: HashMap<(String, String), Vec<Duration>>,
}

impl Load {
    pub(super) fn new(config: PoolConfig, seed: u64, sources: Vec<Source>) -> Self {
        let seed: Vec<u8> = (0..4).flat_map(|part| (seed + part).to_le_bytes()).collect();
        let mut load = Self {
            admission: Admission::new(config).expect("a valid config"),
            now: Duration::ZERO,
            rng: TestRng::from_seed(RngAlgorithm::ChaCha, &seed),
            sources: Vec::new(),
            generation: 0,
            events: BinaryHeap::from([Reverse((Duration::ZERO, Event::Tick))]),
            jobs: HashMap::new(),
            begun: 0,
            waits: HashMap::new(),
        };
        load.sources(sources);
        load
    }

    /// From now on these ask, and no others.
    pub(super) fn sources(&mut self, sources: Vec<Source>) {
        self.generation += 1;
        self.sources = sources;
        (0..self.sources.len()).for_each(|source| self.schedule(source));
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(Reverse((at, _))) = self.events.peek()
            && *at <= end
            && let Some(Reverse((at, event))) = self.events.pop()
        {
            self.now = at;
            self.happen(event);
        }
        self.now = end;
    }

    pub(super) fn stats(&self) -> PoolStats {
        self.admission.stats()
    }

    /// Runs of such scripts that are going on.
    pub(super) fn running(&self, which: impl Fn(&str) -> bool) -> usize {
        self.jobs.values().filter(|job| job.is_running && which(&job.source.script)).count()
    }

    pub(super) fn wait_quantile(&self, which: impl Fn(&str) -> bool, part: f64) -> Duration {
        self.quantile(|(tenant, _)| which(tenant), part)
    }

    pub(super) fn wait_quantile_by_script(&self, which: impl Fn(&str) -> bool, part: f64) -> Duration {
        self.quantile(|(_, script)| which(script), part)
    }

    fn quantile(&self, which: impl Fn(&(String, String)) -> bool, part: f64) -> Duration {
        let waits = self.waits.iter().filter(|(who, _)| which(who));
        let mut waits: Vec<_> = waits.flat_map(|(_, waits)| waits).copied().collect();
        waits.sort();
        let rank = (part * waits.len() as f64).ceil() as usize;
        waits[rank.clamp(1, waits.len()) - 1]
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrival { source, generation } if generation == self.generation => self.arrive(source),
            Event::Arrival { .. } => {}
            Event::Made(vm) => self.admission.vm_ready(self.now, vm),
            Event::Over(ticket) => {
                let job = self.jobs.remove(&ticket).expect("it runs");
                self.admission.release(self.now, ticket, VmReturn::Kept, Some(job.run_time));
            }
            Event::Tick => {
                self.admission.tick(self.now);
                self.push(Duration::from_millis(250), Event::Tick);
            }
        }
        while let Some(decision) = self.admission.next_decision() {
            match decision {
                Decision::Grant(grant) => {
                    self.admission.begin(grant.ticket, 0);
                    let job = self.jobs.get_mut(&grant.ticket).expect("it asked");
                    job.is_running = true;
                    let who = (job.source.tenant.clone(), job.source.script.clone());
                    self.waits.entry(who).or_default().push(grant.waited);
                    let run_time = job.run_time;
                    self.begun += 1;
                    self.admission.begin(grant.ticket, self.begun % THREADS).expect("it was granted a VM");
                    self.push(run_time, Event::Over(grant.ticket));
                }
                Decision::Reject(ticket, _) => drop(self.jobs.remove(&ticket)),
                Decision::Create(vm) => self.push(MAKING, Event::Made(vm)),
                Decision::Destroy(_) => {}
                Decision::Park(_) | Decision::Resume { .. } | Decision::Lost(_) => panic!("no run waits for a host"),
            }
        }
    }

    fn arrive(&mut self, at: usize) {
        self.schedule(at);
        for _ in 0..self.sources[at].requests {
            let source = self.sources[at].clone();
            let run_time = self.exponential(source.run_time);
            let request = Request { share: source.share, ..request(&source.tenant, &source.script, Need::Vm) };
            let ticket = self.admission.request(self.now, request);
            self.jobs.insert(ticket, Job { source, run_time, is_running: false });
        }
    }

    fn schedule(&mut self, source: usize) {
        let Source { every, is_random, .. } = self.sources[source];
        let pause = if is_random { self.exponential(every) } else { every };
        self.push(pause, Event::Arrival { source, generation: self.generation });
    }

    fn push(&mut self, after: Duration, event: Event) {
        self.events.push(Reverse((self.now + after, event)));
    }

    fn exponential(&mut self, mean: Duration) -> Duration {
        let uniform = (self.rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        mean.mul_f64(-(1.0 - uniform).ln())
    }
}
