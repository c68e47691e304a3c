//! Natives that tell the run's own time, in milliseconds since it started, and the time of day.

use std::time::Duration;

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};

use super::refused;

/// Longer than any run, and well within what a [`Duration`] holds.
const MS_MAX: f64 = 1e15;

/// How exactly scripts can tell the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// To a tenth of a millisecond.
    Fine,
    /// To a millisecond, as `Date` does: no clock tells more.
    Coarse,
}

impl Resolution {
    /// `native.now()`: the time that scripts may see.
    pub(super) fn native(self) -> Native {
        let call = match self {
            Self::Fine => fine,
            Self::Coarse => coarse,
        };
        Native { name: "now", arguments: 0, call }
    }
}

/// `native.clock()`: the exact time, which no script may see.
pub(super) const CLOCK: Native = Native { name: "clock", arguments: 0, call: exact };

/// `native.advance(at)`: a timer fires that was set for then. Time that is fixed goes on to there.
pub(super) const ADVANCE: Native = Native { name: "advance", arguments: 1, call: advance };

/// `native.today()`: milliseconds since 1970.
pub(super) const TODAY: Native = Native { name: "today", arguments: 0, call: today };

fn advance(context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::Number(ms @ 0.0..=MS_MAX)] = arguments else { return Err(refused()) };
    context.advance(Duration::from_micros((ms * 1e3) as u64));
    Ok(NativeValue::Undefined)
}

fn today(context: &mut NativeContext<'_>, _arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    Ok(NativeValue::Number(context.unix_ms()))
}

fn exact(context: &mut NativeContext<'_>, _arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    Ok(NativeValue::Number(context.elapsed().as_micros() as f64 / 1e3))
}

fn fine(context: &mut NativeContext<'_>, _arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    Ok(NativeValue::Number((context.elapsed().as_micros() / 100) as f64 / 1e1))
}

fn coarse(context: &mut NativeContext<'_>, _arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    Ok(NativeValue::Number(context.elapsed().as_millis() as f64))
}
