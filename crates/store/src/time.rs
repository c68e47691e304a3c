//! The time of day, in milliseconds since 1970: what rows tell.

use isolet_core_traits::RunTime;

pub(crate) fn now_ms() -> i64 {
    RunTime::Real.unix_ms() as i64
}
