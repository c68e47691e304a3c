//! Programs that are being compiled, and who waits for them.
//!
//! Whoever asks joins the flight of the key, which starts with the first and ends with the last. They are counted under
//! the map's own lock, and the guard that counts them down runs however they leave: answered, dropped or panicking.

use std::sync::Arc;

use dashmap::DashMap;
use isolet_core_traits::ScriptFailure;
use tokio::sync::OnceCell;

use crate::key::ProgramKey;

/// What everyone who waits shares.
pub(crate) type Landing<P> = Arc<OnceCell<Result<P, Box<ScriptFailure>>>>;

pub(crate) struct Flights<P>(DashMap<ProgramKey, Flight<P>>);

struct Flight<P> {
    landing: Landing<P>,
    aboard: usize,
}

/// One who waits for a program or compiles it.
pub(crate) struct Passenger<'a, P> {
    flights: &'a Flights<P>,
    key: ProgramKey,
    pub(crate) landing: Landing<P>,
}

impl<P> Flights<P> {
    pub(crate) fn new() -> Self {
        Self(DashMap::new())
    }

    pub(crate) fn join(&self, key: ProgramKey) -> Passenger<'_, P> {
        let mut flight = self.0.entry(key).or_insert_with(|| Flight { landing: Arc::new(OnceCell::new()), aboard: 0 });
        flight.aboard += 1;
        Passenger { flights: self, key, landing: Arc::clone(&flight.landing) }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<P> Passenger<'_, P> {
    /// Those who come from now on start a flight of their own, or find the program.
    pub(crate) fn close(&self) {
        self.flights.0.remove_if(&self.key, |_, flight| Arc::ptr_eq(&flight.landing, &self.landing));
    }
}

impl<P> Drop for Passenger<'_, P> {
    fn drop(&mut self) {
        self.flights.0.remove_if_mut(&self.key, |_, flight| {
            let same = Arc::ptr_eq(&flight.landing, &self.landing);
            flight.aboard -= usize::from(same);
            same && flight.aboard == 0
        });
    }
}
