//! Panics of code that is not ours to trust: caught, and told to the log with their backtrace.
//!
//! A caught panic carries no backtrace: only the panic hook sees it. So building an executor adds a hook, once a
//! process, that notes place and backtrace for threads inside [`catch`] and always goes on to the hook before it.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};

/// A panic as the log tells it: never part of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panic(String);

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

thread_local! {
    /// `Some` inside of [`catch`]; filled by the hook.
    static NOTE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Adds the hook. The backtrace is taken only if `RUST_BACKTRACE` or `RUST_LIB_BACKTRACE` asks for it.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            note(info);
            previous(info);
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let _ = NOTE.try_with(|note| {
        if let Ok(mut note) = note.try_borrow_mut()
            && let Some(note) = note.as_mut()
        {
            *note = info.location().map_or_else(String::new, |place| format!(" at {place}"));
            let backtrace = Backtrace::capture();
            if backtrace.status() == BacktraceStatus::Captured {
                *note += &format!("\n{backtrace}");
            }
        }
    });
}

/// Runs `work` and catches its panic.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    let outer = NOTE.with(|note| note.replace(Some(String::new())));
    let result = catch_unwind(AssertUnwindSafe(work));
    let note = NOTE.with(|note| note.replace(outer)).unwrap_or_default();
    // The payload's own drop may panic, too: its type is whatever the code panicked with.
    result.map_err(|payload| {
        let text = message(&*payload);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        Panic(text + &note)
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without message".to_owned())
}

/// Polls a future and catches its panic. The future is not polled again afterwards.
pub(crate) struct CatchPanic<F>(Pin<Box<F>>);

impl<F: Future> CatchPanic<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Box::pin(future))
    }
}

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match catch(|| self.0.as_mut().poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_and_the_place_are_kept() {
        install_hook();
        for (work, start) in [
            ((|| panic!("plain")) as fn(), "plain at "),
            (|| panic!("formatted {}", 1), "formatted 1 at "),
            (|| std::panic::panic_any(7), "a panic without message at "),
        ] {
            let panic = catch(work).expect_err("it panics");
            assert!(panic.to_string().starts_with(start), "{panic}");
            assert!(panic.to_string().contains("panics.rs:"), "{panic}");
        }
        assert_eq!(catch(|| 1), Ok(1));
    }

    #[test]
    fn a_nested_catch_keeps_its_own_note() {
        install_hook();
        let outer = catch(|| {
            let inner = catch(|| panic!("inner")).expect_err("it panics");
            assert!(inner.to_string().starts_with("inner at "));
            panic!("outer")
        });
        assert!(outer.expect_err("it panics").to_string().starts_with("outer at "));
    }

    #[test]
    fn futures_are_caught() {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut panics = CatchPanic::new(async { panic!("late") });
        let Poll::Ready(Err(panic)) = Pin::new(&mut panics).poll(&mut context) else { panic!("caught") };
        assert!(panic.to_string().starts_with("late"));
        let mut fine = CatchPanic::new(async { 1 });
        assert_eq!(Pin::new(&mut fine).poll(&mut context), Poll::Ready(Ok(1)));
    }
}
