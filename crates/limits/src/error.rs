//! Why limits are refused.

/// Why limits are refused: always the fault of whoever configured them or asked for the override.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitsError {
    /// A limit is too low to run anything, or too high to be a limit.
    #[error("{name} is {value}, {min} to {max} are allowed")]
    OutOfRange {
        /// The limit's name, with its unit.
        name: &'static str,
        /// Its value.
        value: u64,
        /// The lowest value.
        min: u64,
        /// The highest value.
        max: u64,
    },
    /// An override asks for more than the limit that it overrides.
    #[error("{name} of {asked} was asked for, the limit is {max} and can only be lowered")]
    Raised {
        /// The limit's name, with its unit.
        name: &'static str,
        /// What was asked for.
        asked: u64,
        /// The limit.
        max: u64,
    },
    /// A call of this operation could never be made.
    #[error("{operation} costs {cost} API calls, but at most {burst} can be made at once")]
    CostOverBurst {
        /// The operation's namespace and name.
        operation: String,
        /// What a call of it counts as.
        cost: u32,
        /// [`ApiCallRate::burst`](crate::ApiCallRate::burst).
        burst: u32,
    },
}

/// Refuses a value outside of `min..=max`.
pub(crate) fn check_range(name: &'static str, value: u64, min: u64, max: u64) -> Result<(), LimitsError> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(LimitsError::OutOfRange { name, value, min, max }) }
}
