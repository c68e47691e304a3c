//! What the last minute was like: averages over a window that moves on second by second.

use std::time::Duration;

const SECONDS: usize = 60;

/// The seconds that tell how it is now.
const RECENT: usize = 5;

/// How many VMs there are, are in use, and could be used, those in use included.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Level {
    pub(super) total: usize,
    pub(super) in_use: usize,
    pub(super) demand: usize,
}

/// One second, or the sum of several. Areas are VMs times microseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    covered_us: u64,
    total: u64,
    in_use: u64,
    demand: u64,
    grants: u64,
    runs: u64,
    run_time_us: u64,
    vms_back: u64,
}

#[derive(Debug)]
pub(super) struct Window {
    seconds: [Sums; SECONDS],
    sum: Sums,
    /// The second that goes on, and until when it is counted.
    second: u64,
    counted: Duration,
    /// What has held since then.
    level: Level,
}

impl Window {
    /// Begins to count at the first event.
    pub(super) fn new() -> Self {
        let (sum, level) = Default::default();
        Self { seconds: [Sums::default(); SECONDS], sum, second: 0, counted: Duration::MAX, level }
    }

    /// Counts the time until `now`. Says whether a second has ended.
    pub(super) fn pass(&mut self, now: Duration) -> bool {
        if self.counted == Duration::MAX {
            (self.counted, self.second) = (now, now.as_secs());
        }
        let is_over = now.as_secs() > self.second;
        let window = Duration::from_secs(SECONDS as u64);
        if now.saturating_sub(self.counted) > window {
            // Only the end of the pause counts.
            (self.seconds, self.sum) = ([Sums::default(); SECONDS], Sums::default());
            self.counted = now.saturating_sub(window);
            self.second = self.counted.as_secs();
        }
        while now.as_secs() > self.second {
            let end = Duration::from_secs(self.second + 1);
            self.count(end);
            self.second += 1;
            let oldest = std::mem::take(&mut self.seconds[self.at()]);
            self.sum.subtract(oldest);
        }
        self.count(now);
        is_over
    }

    /// From now on this holds.
    pub(super) fn hold(&mut self, level: Level) {
        self.level = level;
    }

    pub(super) fn granted(&mut self) {
        self.add(|sums| sums.grants += 1);
    }

    /// A run is over, so long after its grant.
    pub(super) fn ended(&mut self, run_time: Duration) {
        let run_time_us = u64::try_from(run_time.as_micros()).unwrap_or(u64::MAX >> 20);
        self.add(|sums| {
            sums.runs += 1;
            sums.run_time_us += run_time_us;
        });
    }

    /// A VM stands ready again.
    pub(super) fn vm_back(&mut self) {
        self.add(|sums| sums.vms_back += 1);
    }

    /// How much of the window is there.
    pub(super) fn covered(&self) -> Duration {
        Duration::from_micros(self.sum.covered_us)
    }

    /// VMs in use by VMs there are; 0 if there were none.
    pub(super) fn utilisation(&self) -> f64 {
        if self.sum.total == 0 { 0.0 } else { self.sum.in_use as f64 / self.sum.total as f64 }
    }

    /// VMs that were in use or lacking, on average; 0 at first.
    pub(super) fn demand(&self) -> f64 {
        if self.sum.covered_us == 0 { 0.0 } else { self.sum.demand as f64 / self.sum.covered_us as f64 }
    }

    /// The same in the last few seconds.
    pub(super) fn demand_now(&self) -> f64 {
        let recent = self.recent();
        if recent.covered_us == 0 { 0.0 } else { recent.demand as f64 / recent.covered_us as f64 }
    }

    /// The time in which one request is granted, if any was and there has been time for it.
    pub(super) fn time_by_grant(&self) -> Option<Duration> {
        if self.covered() < Duration::from_secs(1) {
            return None;
        }
        Some(self.covered() / u32::try_from(self.sum.grants).ok().filter(|grants| *grants > 0)?)
    }

    /// How long a run takes, if any has ended.
    pub(super) fn run_time(&self) -> Option<Duration> {
        Some(Duration::from_micros(self.sum.run_time_us.checked_div(self.sum.runs)?))
    }

    /// The time in which one VM comes back, by the last few seconds, if any did and there has been time for it.
    pub(super) fn time_by_vm_back(&self) -> Option<Duration> {
        if self.covered() < Duration::from_secs(1) {
            return None;
        }
        let recent = self.recent();
        let vms_back = u32::try_from(recent.vms_back).ok().filter(|vms_back| *vms_back > 0)?;
        Some(Duration::from_micros(recent.covered_us) / vms_back)
    }

    fn recent(&self) -> Sums {
        let mut recent = Sums::default();
        for ago in 0..RECENT {
            recent.add(self.seconds[(self.at() + SECONDS - ago) % SECONDS]);
        }
        recent
    }

    fn at(&self) -> usize {
        (self.second % SECONDS as u64) as usize
    }

    fn count(&mut self, until: Duration) {
        let covered_us = u64::try_from(until.saturating_sub(self.counted).as_micros()).unwrap_or_default();
        // What is less than a microsecond is counted with the next.
        self.counted += Duration::from_micros(covered_us);
        let area = |vms: usize| vms as u64 * covered_us;
        let Level { total, in_use, demand } = self.level;
        self.add(|sums| {
            sums.covered_us += covered_us;
            sums.total += area(total);
            sums.in_use += area(in_use);
            sums.demand += area(demand);
        });
    }

    fn add(&mut self, add: impl Fn(&mut Sums)) {
        let at = self.at();
        add(&mut self.seconds[at]);
        add(&mut self.sum);
    }
}

impl Sums {
    fn add(&mut self, other: Self) {
        for (sum, term) in self.fields().into_iter().zip({ other }.fields()) {
            *sum += *term;
        }
    }

    fn subtract(&mut self, other: Self) {
        for (sum, term) in self.fields().into_iter().zip({ other }.fields()) {
            *sum -= *term;
        }
    }

    fn fields(&mut self) -> [&mut u64; 8] {
        let Self { covered_us, total, in_use, demand, grants, runs, run_time_us, vms_back } = self;
        [covered_us, total, in_use, demand, grants, runs, run_time_us, vms_back]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(total: usize, in_use: usize) -> Level {
        Level { total, in_use, demand: in_use }
    }

    #[test]
    fn averages_are_those_of_the_last_minute() {
        let mut window = Window::new();
        let seconds = Duration::from_secs_f64;
        window.pass(seconds(1_000.0));
        assert_eq!((window.covered(), window.utilisation()), (Duration::ZERO, 0.0));
        window.hold(hold(10, 2));
        assert!(!window.pass(seconds(1_000.5)));
        window.hold(hold(10, 6));
        assert!(window.pass(seconds(1_001.5)));
        assert_eq!((window.covered(), window.demand()), (seconds(1.5), 7.0 / 1.5));
        assert!((window.utilisation() - 7.0 / 15.0).abs() < 1e-9);
        window.hold(hold(100, 90));
        window.pass(seconds(1_061.0));
        assert_eq!((window.covered(), window.demand()), (seconds(59.0), 90.0), "what was before is forgotten");
        window.hold(hold(100, 50));
        window.pass(seconds(1_064.0));
        assert_eq!((window.demand(), window.demand_now()), ((56.0 * 90.0 + 3.0 * 50.0) / 59.0, (90.0 + 150.0) / 4.0));
        window.hold(hold(0, 0));
        window.pass(seconds(99_999.0));
        assert_eq!((window.demand(), window.utilisation()), (0.0, 0.0));
    }

    #[test]
    fn rates_are_known_when_something_has_happened() {
        let mut window = Window::new();
        window.pass(Duration::ZERO);
        assert_eq!((window.time_by_grant(), window.run_time(), window.time_by_vm_back()), (None, None, None));
        for second in 1..=10 {
            window.pass(Duration::from_secs(second));
            (0..4).for_each(|_| window.granted());
            window.vm_back();
            window.ended(Duration::from_millis(30));
            window.ended(Duration::from_millis(50));
        }
        window.pass(Duration::from_millis(10_999));
        assert_eq!(window.run_time(), Some(Duration::from_millis(40)));
        assert_eq!(window.time_by_grant(), Some(Duration::from_millis(10_999) / 40));
        assert_eq!(window.time_by_vm_back(), Some(Duration::from_millis(4_999) / 5));
        window.pass(Duration::from_secs(20));
        assert_eq!(window.time_by_vm_back(), None, "none came back of late");
    }
}
