//! Natives that tell the run's own time, in milliseconds since it started.

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};

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

fn exact(context: &mut NativeContext<'_>, _arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    Ok(NativeValue::Number(context.elapsed().as_micros() as f64 / 1e3))
}

fn fine(context: &mut NativeContext<'_>, _arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    Ok(NativeValue::Number((context.elapsed().as_micros() / 100) as f64 / 1e1))
}

fn coarse(context: &mut NativeContext<'_>, _arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    Ok(NativeValue::Number(context.elapsed().as_millis() as f64))
}
