//! What the system interrupts engine code with: ticks, by which a thread takes itself back from a run, and faults.
//!
//! ```text
//! SIGURG, a tick ──┬─ on no fiber: nothing; after a few such ticks there are no more of them
//!                  ├─ polled since the last tick: the next poll is immediate
//!                  └─ not polled: the run is suspended where it is, if the place is safe; else the tick comes again soon
//!
//! SIGSEGV, SIGBUS, ─┬─ a first write to a watched page: the page becomes writable
//! SIGILL, SIGFPE,   ├─ the engine's own fault, on a fiber: the run is left
//! SIGABRT           └─ any other: passed on to whom the signal belonged before
//! ```
//!
//! A tick decides nothing: whoever steps the VM sees a run that was preempted, and resumes it or ends it.
//!
//! A signal that finds one of its number pending is that one: what others send as `SIGURG` at the moment of a tick is
//! lost, as two of theirs would be one. Between ticks it goes to whom it belongs.
//!
//! Suspending inside of a handler is sound here because a fiber stays on its thread (F3) and engine code owns nothing
//! outside of the VM (F1): the frame that the system put on the fiber's stack waits there with the rest of it.

mod code;
mod handlers;
mod interpreter;
mod mask;
mod ticks;
mod unwind;

pub(crate) use code::is_supported;
pub use handlers::OnFault;
pub(crate) use handlers::{watch_faults, watch_pages};
pub(crate) use interpreter::find as find_interpreter;
pub(crate) use ticks::{Ticks, allow, go_on, is_wanted};
