//! What callers of a program cache can rely on.

mod hit_rates;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use isolet_cache::{CacheConfig, CacheStats, CompileError, Made, ProgramCache, ProgramKey};
use isolet_core_traits::{EngineId, FailureKind, ProgramOrigin, ScriptFailure, Source, SourceKind};
use tokio::sync::oneshot;

type Answer = (Result<String, CompileError<&'static str>>, ProgramOrigin);
type Compiled = Result<Made<String>, CompileError<&'static str>>;

fn key(text: &str) -> ProgramKey {
    let source = Source::new("a.js", text, SourceKind::Auto).expect("a valid name");
    ProgramKey::new(&EngineId::new("test/1"), "no-eval", &source)
}

fn cache(entries_max: usize) -> Arc<ProgramCache<String>> {
    Arc::new(ProgramCache::new(CacheConfig { entries_max, ..CacheConfig::default() }))
}

fn syntax() -> CompileError<&'static str> {
    CompileError::Syntax(Box::new(ScriptFailure::new(FailureKind::Runtime, "SyntaxError", "unexpected token")))
}

/// Callers of one source, polled by hand: the order in which things happen is the test's.
struct Callers {
    now: Duration,
    cache: Arc<ProgramCache<String>>,
    compiled: Arc<AtomicUsize>,
    calls: Vec<Option<Pin<Box<dyn Future<Output = Answer>>>>>,
    answers: Vec<Option<oneshot::Sender<Compiled>>>,
}

impl Callers {
    fn new(count: usize) -> Self {
        let (cache, now) = (cache(1_000), Duration::ZERO);
        let mut callers = Self { now, cache, compiled: Arc::default(), calls: Vec::new(), answers: Vec::new() };
        for _ in 0..count {
            callers.add();
        }
        callers
    }

    /// A caller whose compilation, if it gets that far, waits for [`answer`](Self::answer).
    fn add(&mut self) {
        let (answer, answered) = oneshot::channel::<Compiled>();
        let (cache, compiled, now) = (Arc::clone(&self.cache), Arc::clone(&self.compiled), self.now);
        self.answers.push(Some(answer));
        self.calls.push(Some(Box::pin(async move {
            let make = || async move {
                compiled.fetch_add(1, Relaxed);
                answered.await.expect("an answer")
            };
            cache.get_or_make(&key("x"), now, make).await
        })));
    }

    fn poll(&mut self, caller: usize) -> Option<Answer> {
        let call = self.calls[caller].as_mut().expect("not finished or dropped");
        match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => {
                self.calls[caller] = None;
                Some(answer)
            }
            Poll::Pending => None,
        }
    }

    fn poll_all(&mut self) -> Vec<Option<Answer>> {
        (0..self.calls.len()).map(|caller| self.poll(caller)).collect()
    }

    fn answer(&mut self, caller: usize, with: Compiled) {
        let answer = self.answers[caller].take().expect("answered once");
        answer.send(with).expect("it waits for its compilation");
    }

    fn compiled(&self) -> usize {
        self.compiled.load(Relaxed)
    }

    fn stats(&self) -> CacheStats {
        self.cache.stats()
    }
}

fn made(text: &str, bytes: usize) -> Made<String> {
    Made { program: text.to_owned(), bytes, compile_time: Duration::from_micros(90), is_stored: false }
}

fn program(text: &str) -> Compiled {
    Ok(made(text, 10))
}

/// What a caller gets of it.
fn got(text: &str) -> Result<String, CompileError<&'static str>> {
    Ok(text.to_owned())
}

#[test]
fn callers_of_one_source_compile_it_once() {
    let mut callers = Callers::new(1_000);
    assert!(callers.poll_all().iter().all(Option::is_none));
    assert_eq!((callers.compiled(), callers.stats().in_flight), (1, 1));
    callers.answer(0, program("p"));
    let answers = callers.poll_all();
    assert_eq!(answers[0], Some((got("p"), ProgramOrigin::Miss)));
    assert!(answers[1..].iter().all(|answer| *answer == Some((got("p"), ProgramOrigin::Shared))));
    callers.add();
    assert_eq!(callers.poll(1_000), Some((got("p"), ProgramOrigin::Hit)));
    assert_eq!(callers.compiled(), 1);
    let kept = CacheStats { entries: 1, bytes: 10, compile_time_saved: Duration::from_micros(90), ..none() };
    assert_eq!(callers.stats(), CacheStats { hits: 1, misses: 1, shared: 999, ..kept });
}

fn none() -> CacheStats {
    CacheStats::default()
}

#[test]
fn syntax_failures_are_shared_and_kept_for_a_while() {
    let mut callers = Callers::new(3);
    callers.poll_all();
    callers.answer(0, Err(syntax()));
    let origins = [ProgramOrigin::Miss, ProgramOrigin::Shared, ProgramOrigin::Shared];
    assert_eq!(callers.poll_all(), origins.map(|origin| Some((Err(syntax()), origin))));
    let CacheStats { entries, failures, in_flight, .. } = callers.stats();
    assert_eq!((entries, failures, in_flight), (0, 1, 0));
    callers.now = Duration::from_millis(9_999);
    callers.add();
    assert_eq!(callers.poll(3), Some((Err(syntax()), ProgramOrigin::Hit)));
    callers.now = Duration::from_secs(10);
    callers.add();
    assert_eq!((callers.poll(4), callers.compiled()), (None, 2), "its time is over");
    callers.answer(4, program("p"));
    assert_eq!(callers.poll(4), Some((got("p"), ProgramOrigin::Miss)));
}

#[test]
fn syntax_failures_have_a_bound() {
    let cache = ProgramCache::<String>::new(CacheConfig { failures_max: 10, ..CacheConfig::default() });
    for number in 0..100 {
        let key = key(&format!("broken {number}"));
        let (_, origin) = now(cache.get_or_make(&key, Duration::ZERO, || async { Err(syntax()) }));
        assert_eq!(origin, ProgramOrigin::Miss);
    }
    assert_eq!((cache.stats().failures, cache.stats().entries), (10, 0));
}

#[test]
fn other_failures_are_the_compiling_callers_alone() {
    let mut callers = Callers::new(3);
    callers.poll_all();
    callers.answer(0, Err(CompileError::Own("timeout")));
    let own = Some((Err(CompileError::Own("timeout")), ProgramOrigin::Miss));
    assert_eq!(callers.poll_all(), [own, None, None]);
    assert_eq!(callers.compiled(), 2, "the next one compiles on its own account");
    callers.answer(1, program("p"));
    assert_eq!(callers.poll(1), Some((got("p"), ProgramOrigin::Miss)));
    assert_eq!(callers.poll(2), Some((got("p"), ProgramOrigin::Shared)));
    assert_eq!(callers.stats().in_flight, 0);
}

#[test]
fn another_caller_takes_over_from_one_that_goes_away() {
    let mut callers = Callers::new(3);
    callers.poll_all();
    callers.calls[0] = None;
    assert_eq!((callers.poll(1), callers.poll(2), callers.compiled()), (None, None, 2));
    callers.answer(1, program("p"));
    assert_eq!(callers.poll(1), Some((got("p"), ProgramOrigin::Miss)));
    assert_eq!(callers.poll(2), Some((got("p"), ProgramOrigin::Shared)));
}

#[test]
fn nothing_is_left_when_all_callers_go_away() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let mut callers = Callers::new(3);
        callers.poll_all();
        for (gone, caller) in order.into_iter().enumerate() {
            assert_eq!(callers.stats().in_flight, 1, "{gone} of 3 are gone");
            callers.calls[caller] = None;
        }
        assert_eq!(callers.stats(), CacheStats::default());
    }
}

#[test]
fn a_caller_that_slept_through_the_end_shares_it() {
    let mut callers = Callers::new(2);
    callers.poll_all();
    callers.answer(0, Err(syntax()));
    assert!(callers.poll(0).is_some());
    callers.cache.clear();
    assert_eq!(callers.stats().in_flight, 0, "one that still waits keeps nothing open");
    callers.add();
    assert_eq!((callers.poll(2), callers.compiled()), (None, 2), "a new caller starts anew");
    assert_eq!(callers.poll(1), Some((Err(syntax()), ProgramOrigin::Shared)));
    assert_eq!(callers.stats().in_flight, 1, "the old flight did not close the new one");
    callers.answer(2, program("p"));
    assert_eq!(callers.poll(2), Some((got("p"), ProgramOrigin::Miss)));
    assert_eq!(callers.stats().in_flight, 0);
}

#[test]
fn a_panic_leaves_nothing_and_the_next_one_takes_over() {
    let mut callers = Callers::new(2);
    callers.poll_all();
    // Without its sender, the first one's compilation panics.
    callers.answers[0] = None;
    let polled = std::panic::catch_unwind(AssertUnwindSafe(|| callers.poll(0)));
    assert!(polled.is_err());
    callers.calls[0] = None;
    assert_eq!((callers.poll(1), callers.compiled()), (None, 2));
    callers.answer(1, program("p"));
    assert_eq!(callers.poll(1), Some((got("p"), ProgramOrigin::Miss)));
    assert_eq!(callers.stats().in_flight, 0);
}

/// Answers at once what never waits.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

fn origin(cache: &ProgramCache<String>, text: &str) -> ProgramOrigin {
    let (answer, origin) = now(cache.get_or_make(&key(text), Duration::ZERO, || async { program(text) }));
    assert_eq!(answer, got(text));
    origin
}

#[test]
fn the_least_recently_used_program_goes() {
    use ProgramOrigin::{Hit, Miss};
    let cache = cache(2);
    for (text, expected) in
        [("a", Miss), ("b", Miss), ("a", Hit), ("c", Miss), ("a", Hit), ("b", Miss), ("a", Hit), ("c", Miss)]
    {
        assert_eq!(origin(&cache, text), expected, "{text}");
    }
    let kept = CacheStats { entries: 2, bytes: 20, compile_time_saved: Duration::from_micros(270), ..none() };
    assert_eq!(cache.stats(), CacheStats { hits: 3, misses: 5, evictions: 3, ..kept });
}

#[test]
fn bytes_are_bounded_too() {
    let cache = ProgramCache::<String>::new(CacheConfig { bytes_max: 100, ..CacheConfig::default() });
    let put = |text: &str, bytes| cache.insert(&key(text), made(text, bytes));
    let kept = || ["a", "b", "c", "d"].map(|text| cache.get(&key(text)).is_some());
    put("a", 40);
    put("b", 40);
    put("c", 60);
    assert_eq!((kept(), cache.stats().bytes), ([false, true, true, false], 100));
    put("d", 100);
    assert_eq!((kept(), cache.stats().bytes), ([false, false, false, true], 100));
    put("a", 101);
    assert_eq!((kept(), cache.stats().evictions), ([false, false, false, true], 3), "too large to be kept");
    put("d", 101);
    assert_eq!((kept(), cache.stats().bytes), ([false; 4], 0), "the old one does not stay in its place");
}

#[test]
fn what_is_put_in_ahead_takes_room_that_nobody_needs() {
    use ProgramOrigin::{Hit, Miss};
    let cache = ProgramCache::<String>::new(CacheConfig { entries_max: 4, bytes_max: 100, ..CacheConfig::default() });
    let ahead = |text: &str, bytes| cache.insert_if_room(&key(text), made(text, bytes));
    assert_eq!([ahead("a", 10), ahead("b", 10), ahead("large", 81)], [true, true, false]);
    assert!(cache.contains(&key("a")) && !cache.contains(&key("large")));
    assert_eq!([origin(&cache, "a"), origin(&cache, "c"), origin(&cache, "d")], [Hit, Miss, Miss]);
    assert_eq!([ahead("e", 10), ahead("d", 11)], [false, true], "nothing goes for it, and nothing is replaced");
    assert_eq!((cache.stats().entries, cache.stats().bytes, cache.stats().evictions), (4, 40, 0));
    // The one that was not used is the first to go.
    assert_eq!(["e", "a", "c", "d", "e", "b"].map(|text| origin(&cache, text)), [Miss, Hit, Hit, Hit, Hit, Miss]);
    assert!(!self::cache(0).insert_if_room(&key("a"), made("a", 0)));
}

#[test]
fn it_tells_which_programs_were_used_last() {
    let cache = cache(10);
    assert!(cache.insert_if_room(&key("ahead"), made("ahead", 10)));
    for text in ["a", "b", "a", "c", "a"] {
        origin(&cache, text);
    }
    let used_last = |max| cache.used_last(max);
    assert_eq!(used_last(2), used_last(10)[..2]);
    let (first, rest) = (used_last(2), used_last(10)[2..].to_vec());
    assert_eq!(first.iter().filter(|used| [key("a"), key("c")].contains(used)).count(), 2, "since the last insertion");
    assert_eq!(rest, [key("b")], "nobody used the other one");
    assert_eq!(origin(&cache, "ahead"), ProgramOrigin::Hit);
    assert_eq!(used_last(10).len(), 4);
    assert_eq!((used_last(1).len(), used_last(0)), (1, vec![]));
}

#[test]
fn what_came_from_a_store_is_told_apart() {
    let cache = cache(10);
    let make = || async { Ok::<_, CompileError<&'static str>>(Made { is_stored: true, ..made("p", 10) }) };
    let answer = now(cache.get_or_make(&key("x"), Duration::ZERO, make));
    assert_eq!(answer, (got("p"), ProgramOrigin::Stored));
    let stats = cache.stats();
    assert_eq!((stats.stored, stats.misses, stats.compile_time_saved), (1, 0, Duration::from_micros(90)));
}

#[test]
fn without_room_everything_is_compiled() {
    let cache = cache(0);
    assert_eq!([origin(&cache, "a"), origin(&cache, "a")], [ProgramOrigin::Miss; 2]);
    assert_eq!(cache.stats(), CacheStats { misses: 2, ..CacheStats::default() });
}

#[test]
fn programs_are_put_in_and_taken_out_by_hand() {
    let cache = cache(10);
    assert_eq!(cache.get(&key("a")), None);
    cache.insert(&key("a"), made("other", 10));
    assert_eq!(cache.get(&key("a")).as_deref(), Some("other"));
    assert_eq!(cache.remove(&key("a")).as_deref(), Some("other"));
    assert_eq!(origin(&cache, "a"), ProgramOrigin::Miss);
    cache.clear();
    assert_eq!((cache.stats().entries, cache.stats().evictions), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_share_flights_too() {
    let cache = cache(1_000);
    let compiled = Arc::new(AtomicUsize::new(0));
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..4_000 {
        let (cache, compiled) = (Arc::clone(&cache), Arc::clone(&compiled));
        callers.spawn(async move {
            let text = format!("source {}", number % 100);
            let make = || async {
                compiled.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
                program(&text)
            };
            let (answer, _) = cache.get_or_make(&key(&text), Duration::ZERO, make).await;
            assert_eq!(answer, got(&text));
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.expect("no caller panics");
    }
    let stats = cache.stats();
    assert_eq!((compiled.load(Relaxed), stats.misses, stats.entries, stats.in_flight), (100, 100, 100, 0));
    assert_eq!(stats.hits + stats.shared, 3_900);
}
