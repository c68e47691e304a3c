//! What threads use: CPU time, and a core.

use std::time::Duration;

/// CPU time that the calling thread has used.
#[cfg(unix)]
pub(crate) fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Always zero: without such a clock there is no accounting by CPU time, and reports show none.
#[cfg(not(unix))]
pub(crate) fn thread_time() -> Duration {
    Duration::ZERO
}

/// The core that the calling thread is on. It may be on another one at once.
#[cfg(target_os = "linux")]
#[expect(clippy::unnecessary_wraps, reason = "other systems do not tell")]
pub(crate) fn core() -> Option<usize> {
    Some(rustix::thread::sched_getcpu())
}

/// Nobody knows.
#[cfg(not(target_os = "linux"))]
pub(crate) fn core() -> Option<usize> {
    None
}

/// A thread of this process, for others to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadNumber(#[cfg(target_os = "linux")] rustix::thread::Pid);

/// What a thread is at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// It runs, or would if the system let it; else it sleeps.
    pub(crate) wants_cpu: bool,
    /// What it has used, in steps of 10 ms.
    pub(crate) cpu: Duration,
}

#[cfg(target_os = "linux")]
impl ThreadNumber {
    pub(crate) fn current() -> Self {
        Self(rustix::thread::gettid())
    }

    /// `None` if the system does not tell, or the thread is gone.
    pub(crate) fn look(self) -> Option<Seen> {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{}/stat", self.0)).ok()?;
        Seen::parse(&stat)
    }
}

/// Nobody knows.
#[cfg(not(target_os = "linux"))]
impl ThreadNumber {
    pub(crate) fn current() -> Self {
        Self()
    }

    pub(crate) fn look(self) -> Option<Seen> {
        None
    }
}

#[cfg(target_os = "linux")]
impl Seen {
    /// Of `/proc/…/stat`: see proc_pid_stat(5). The system counts in hundredths of a second there.
    fn parse(stat: &str) -> Option<Self> {
        // The name is in parentheses, and may hold some.
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let hundredths = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let cpu = Duration::from_millis(hundredths(11)?.checked_add(hundredths(12)?)?.checked_mul(10)?);
        Some(Self { wants_cpu: *fields.first()? == "R", cpu })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_thread_is_seen_from_elsewhere() {
        let stat = "7 (a) R b)) R 1 2 3 4 5 6 7 8 9 10 21 12 13 14";
        assert!(Seen::parse(stat).is_some_and(|seen| seen.wants_cpu && seen.cpu == Duration::from_millis(330)));
        assert!(
            ["", "7 (a)", "7 (a) R 1 2", "7 (a) R 1 2 3 4 5 6 7 8 9 10 x 12"]
                .map(Seen::parse)
                .iter()
                .all(Option::is_none)
        );

        let me = ThreadNumber::current();
        let before = me.look().expect("this thread");
        let (begun, limit) = (Instant::now(), Duration::from_secs(60));
        while me.look().is_some_and(|now| now.cpu == before.cpu) && begun.elapsed() < limit {}
        assert!(me.look().is_some_and(|now| now.wants_cpu && now.cpu > before.cpu));

        let (tell, told) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let sleeper = thread::spawn(move || {
            tell.send(ThreadNumber::current()).expect("somebody listens");
            ended.recv()
        });
        let sleeper_number = told.recv().expect("it runs");
        while sleeper_number.look().is_some_and(|seen| seen.wants_cpu) && begun.elapsed() < limit {}
        assert!(sleeper_number.look().is_some_and(|seen| !seen.wants_cpu));
        drop(end);
        assert!(sleeper.join().is_ok_and(|slept| slept.is_err()));
    }
}
