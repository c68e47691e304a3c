//! Where two fields of `JSContext` are that its interface does not reach: the state of `Math.random` and the counter of
//! polls. Both are found by what they do, in the QuickJS that is linked, once for an engine.

use std::ptr::NonNull;

use isolet_core_traits::EngineError;

use crate::js::{Js, Terminated};

/// Offsets into `JSContext`, in bytes (L1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    random_state: usize,
    poll_counter: usize,
}

const UNKNOWN: EngineError =
    EngineError::Unsupported { message: "the linked QuickJS has an unknown layout of its context" };

impl Layout {
    /// Finds the fields by watching a context that may evaluate text.
    ///
    /// `random_state` is the one word that a call of `Math.random` takes one xorshift64* step further; `poll_counter` is
    /// the one number that falls by the same amount for each iteration of a loop.
    pub(crate) fn probe(js: Js) -> Result<Self, EngineError> {
        let run = |script: &str| {
            let compiled = js.compile(&Terminated::new([script]), c"probe", 0, 1).map_err(|_| UNKNOWN)?;
            js.evaluate(compiled).map(|value| js.free(value)).map_err(|_| UNKNOWN)
        };
        run("Math.random()")?;
        let before = words(js);
        run("Math.random()")?;
        let after = words(js);
        let stepped = |&at: &usize| before[at] != after[at] && after[at] == xorshift(before[at]);
        let random_state = only((0..before.len()).filter(stepped))? * size_of::<u64>();

        run("for (let i = 0; i < 100; i++);")?;
        let start = counters(js);
        run("for (let i = 0; i < 300; i++);")?;
        let short = counters(js);
        run("for (let i = 0; i < 1500; i++);")?;
        let long = counters(js);
        let falls = |&at: &usize| {
            let (first, second) =
                (i64::from(start[at]) - i64::from(short[at]), i64::from(short[at]) - i64::from(long[at]));
            first >= 300 && second > first && (second - first) % 1_200 == 0
        };
        let poll_counter = only((0..start.len()).filter(falls))? * size_of::<i32>();
        Ok(Self { random_state, poll_counter })
    }

    /// The poll counter of a context: storing 1 makes the next poll immediate.
    pub(crate) fn poll_counter(self, js: Js) -> NonNull<i32> {
        let context = NonNull::new(js.context()).expect("a Js has a context");
        // SAFETY: L1: the offset lies inside the context.
        unsafe { context.cast::<i32>().byte_add(self.poll_counter) }
    }

    /// Seeds `Math.random` of a context.
    pub(crate) fn seed_random(self, js: Js, seed: u64) {
        // SAFETY: L1: the offset lies inside the context and is that of its random state, a `u64` that must not be 0.
        unsafe { js.context().cast::<u64>().byte_add(self.random_state).write(scramble(seed).max(1)) }
    }
}

fn only(mut found: impl Iterator<Item = usize>) -> Result<usize, EngineError> {
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(UNKNOWN),
    }
}

/// The context's memory. Its block's size is asked of the allocator, so that nothing beyond it is read.
fn words(js: Js) -> Vec<u64> {
    // SAFETY: the context is a block of its runtime's allocator.
    let bytes = unsafe { rquickjs::qjs::js_malloc_usable_size(js.context(), js.context().cast()) } as usize;
    let start = js.context().cast::<u64>();
    // SAFETY: the block has that many bytes, is aligned to 8 and was zeroed when it was made.
    (0..bytes / size_of::<u64>()).map(|at| unsafe { start.add(at).read() }).collect()
}

fn counters(js: Js) -> Vec<i32> {
    words(js).into_iter().flat_map(|word| [word as i32, (word >> 32) as i32]).collect()
}

/// One step of xorshift64*, as in `quickjs.c`.
fn xorshift(mut state: u64) -> u64 {
    state ^= state >> 12;
    state ^= state << 25;
    state ^ (state >> 27)
}

/// The finalizer of splitmix64: neighbouring seeds give unrelated sequences.
fn scramble(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realm::Realm;

    fn evaluate(js: Js, script: &str) -> String {
        let compiled = js.compile(&Terminated::new([script]), c"test", 0, 1).expect("compiles");
        let value = js.evaluate(compiled).expect("runs");
        js.to_string(&value).expect("text")
    }

    #[test]
    fn the_fields_behave() {
        let mut realm = Realm::bare().expect("a realm");
        let js = realm.enter();
        let layout = Layout::probe(js).expect("a known layout");
        let random = |seed| {
            layout.seed_random(js, seed);
            evaluate(js, "[Math.random(), Math.random()].join()")
        };
        assert_eq!(random(7), random(7));
        assert_ne!(random(7), random(8));
        assert_ne!(random(0), random(1));

        // SAFETY: the counter of a live context, between two evaluations.
        let counter = || unsafe { layout.poll_counter(js).read() };
        // SAFETY: as above.
        unsafe { layout.poll_counter(js).write(1) };
        evaluate(js, "for (let i = 0; i < 10; i++);");
        assert!((9_900..10_000).contains(&counter()), "one poll has refilled the counter: {}", counter());
    }
}
