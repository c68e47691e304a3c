//! What natives keep between the calls of one run: decoders, digests, parsers.
//!
//! The run owns them, so that they go with it, however it ends. Scripts hold numbers only, and no number is used twice in
//! a run: a stale one finds nothing. What a native remembers for the run as a whole has no number: it is found by its type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;

use crate::native::{NativeFailure, NativeValue};

/// The resources of one run. Engines keep one for each run and drop it when the run is over.
#[derive(Default)]
pub struct Resources {
    kept: HashMap<u64, Box<dyn Any + Send>>,
    numbers: u64,
    states: HashMap<TypeId, Box<dyn Any + Send>>,
}

impl Resources {
    /// The most that a run may keep at a time.
    pub const MAX: usize = 1_000;

    pub(crate) fn keep(&mut self, resource: Box<dyn Any + Send>) -> Result<NativeValue, NativeFailure> {
        if self.kept.len() >= Self::MAX {
            let message = format!("too many resources: a run may keep {} at a time", Self::MAX);
            return Err(NativeFailure { name: "RangeError", message });
        }
        self.numbers += 1;
        self.kept.insert(self.numbers, resource);
        Ok(NativeValue::Number(self.numbers as f64))
    }

    pub(crate) fn resource<T: Any>(&mut self, number: &NativeValue) -> Result<&mut T, NativeFailure> {
        let kept = exact(number).and_then(|number| self.kept.get_mut(&number));
        kept.and_then(|resource| resource.downcast_mut()).ok_or_else(stale)
    }

    pub(crate) fn state<T: Any + Send + Default>(&mut self) -> &mut T {
        let state = self.states.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(T::default()));
        state.downcast_mut().expect("it is entered under its own type")
    }

    pub(crate) fn release<T: Any>(&mut self, number: &NativeValue) -> Result<T, NativeFailure> {
        self.resource::<T>(number)?;
        let kept = exact(number).and_then(|number| self.kept.remove(&number));
        kept.and_then(|resource| resource.downcast().ok()).map(|resource| *resource).ok_or_else(stale)
    }
}

fn exact(number: &NativeValue) -> Option<u64> {
    match number {
        NativeValue::Number(number) if *number >= 1.0 && number.fract() == 0.0 => Some(*number as u64),
        _ => None,
    }
}

fn stale() -> NativeFailure {
    NativeFailure { name: "TypeError", message: "this object is closed, or does not belong to this run".into() }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_finds_what_was_kept_until_it_is_stale() {
        let mut resources = Resources::default();
        let number = resources.keep(Box::new(String::from("kept"))).expect("room");
        let other = resources.keep(Box::new(7u8)).expect("room");
        resources.resource::<String>(&number).expect("kept").push('!');
        assert!(resources.resource::<u8>(&number).is_err(), "of another type");
        assert!(resources.release::<u8>(&number).is_err(), "of another type");
        assert_eq!(resources.release::<String>(&number).expect("kept"), "kept!");
        assert!(resources.resource::<String>(&number).is_err() && resources.release::<String>(&number).is_err());
        let next = resources.keep(Box::new(String::new())).expect("room");
        assert!(next != number && next != other, "no number is used twice");
        for odd in [NativeValue::Undefined, NativeValue::Number(0.0), NativeValue::Number(1.5), NativeValue::Null] {
            assert!(resources.resource::<String>(&odd).is_err(), "{odd:?}");
        }
        for odd in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            assert!(resources.resource::<String>(&NativeValue::Number(odd)).is_err(), "{odd}");
        }
    }

    #[test]
    fn there_is_one_state_of_a_type() {
        let mut resources = Resources::default();
        *resources.state::<u8>() += 7;
        resources.state::<String>().push('a');
        *resources.state::<u8>() += 1;
        assert_eq!((*resources.state::<u8>(), resources.state::<String>().as_str()), (8, "a"));
    }

    #[test]
    fn a_run_keeps_only_so_many() {
        let mut resources = Resources::default();
        let numbers: Vec<_> = (0..Resources::MAX).map(|_| resources.keep(Box::new(0u8)).expect("room")).collect();
        assert_eq!(resources.keep(Box::new(0u8)).expect_err("full").name, "RangeError");
        resources.release::<u8>(&numbers[0]).expect("kept");
        assert!(resources.keep(Box::new(0u8)).is_ok());
    }
}
