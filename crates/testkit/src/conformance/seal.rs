//! Rows about sealed programs: only what the engine sealed opens, and it runs as before.

use std::sync::Arc;

use isolet_core_traits::{
    Engine, Interrupt, MonotonicClock, Purpose, SealError, SealKey, SealKeys, SealedProgram, SourceHash, SourceKind, Vm,
};

use super::dialect::{Dialect, Program};
use super::stage::{self, Checked, Stage, ensure, go_on, on_thread};
use super::{text, world};

/// What is done between sealing and unsealing, and which refusals are right.
#[derive(Debug, Clone, Copy)]
pub(super) struct SealRow {
    pub(super) name: &'static str,
    change: fn(&mut Sealed),
    /// `None`: it opens.
    refusal: Option<fn(SealError) -> bool>,
}

/// What an engine is given to open.
struct Sealed {
    bytes: Vec<u8>,
    source: SourceHash,
    keys: SealKeys,
}

const ANY: Option<fn(SealError) -> bool> = Some(|_| true);
const MISMATCH: Option<fn(SealError) -> bool> = Some(|error| error == SealError::Mismatch);
const UNKNOWN: Option<fn(SealError) -> bool> = Some(|error| error == SealError::UnknownKey { number: 1 });

pub(super) const ROWS: &[SealRow] = &[
    SealRow { name: "opens as it was", change: |_| (), refusal: None },
    SealRow { name: "opens after a rotation of keys", change: |sealed| sealed.keys = keys(2, &[1]), refusal: None },
    SealRow { name: "opens under the second old key", change: |sealed| sealed.keys = keys(3, &[2, 1]), refusal: None },
    SealRow { name: "the key is dropped", change: |sealed| sealed.keys = keys(2, &[]), refusal: UNKNOWN },
    SealRow {
        name: "another key under the same number",
        change: |sealed| sealed.keys.current.secret[31] ^= 1,
        refusal: MISMATCH,
    },
    SealRow { name: "another source", change: |sealed| sealed.source.0[0] ^= 1, refusal: MISMATCH },
    SealRow { name: "another source in the last bit", change: |sealed| sealed.source.0[31] ^= 0x80, refusal: MISMATCH },
    SealRow { name: "no bytes", change: |sealed| sealed.bytes.clear(), refusal: ANY },
    SealRow { name: "a byte less", change: |sealed| sealed.bytes.truncate(sealed.bytes.len() - 1), refusal: ANY },
    SealRow { name: "a byte more", change: |sealed| sealed.bytes.push(0), refusal: ANY },
    SealRow { name: "half of it", change: |sealed| sealed.bytes.truncate(sealed.bytes.len() / 2), refusal: ANY },
    SealRow { name: "without its start", change: |sealed| sealed.bytes = sealed.bytes.split_off(1), refusal: ANY },
    SealRow { name: "twice in a row", change: |sealed| sealed.bytes = sealed.bytes.repeat(2), refusal: ANY },
    SealRow { name: "zeros", change: |sealed| sealed.bytes.fill(0), refusal: ANY },
    SealRow { name: "the end changed", change: |sealed| flip(sealed, usize::MAX), refusal: ANY },
];

fn flip(sealed: &mut Sealed, bit: usize) {
    let last = sealed.bytes.len() * 8 - 1;
    let bit = bit.min(last);
    sealed.bytes[bit / 8] ^= 1 << (bit % 8);
}

fn keys(current: u32, previous: &[u32]) -> SealKeys {
    let key = |number: u32| SealKey { number, secret: [number as u8; 32] };
    SealKeys { current: key(current), previous: previous.iter().map(|&number| key(number)).collect() }
}

/// Seals a program, changes what the row says, and opens it or not.
pub(super) fn check<E: Engine>(engine: &E, dialect: &impl Dialect, row: &SealRow) -> Checked<()> {
    on_thread(engine, stage::thread_bytes(engine), || {
        let stage = Stage { engine, environment: world::environment(false) };
        let program = compile(&stage, dialect)?;
        let (source, keys) = (SourceHash([7; 32]), keys(1, &[]));
        let SealedProgram(bytes) = engine.seal(&program, &source, &keys);
        let mut sealed = Sealed { bytes, source, keys };
        (row.change)(&mut sealed);
        match (open(engine, &sealed), row.refusal) {
            (Ok(opened), None) => run(&stage, &opened),
            (Err(error), Some(is_right)) => ensure(is_right(error), || format!("refused with {error:?}")),
            (Ok(_), Some(_)) => Err("it opened".into()),
            (Err(error), None) => Err(format!("refused: {error}")),
        }
    })
}

/// Changes every bit, one at a time (of long programs a sample), and cuts at every length: none of them opens.
pub(super) fn check_every_bit<E: Engine>(engine: &E, dialect: &impl Dialect) -> Checked<()> {
    const CHANGES_MAX: usize = 4_096;
    on_thread(engine, stage::thread_bytes(engine), || {
        let stage = Stage { engine, environment: world::environment(false) };
        let program = compile(&stage, dialect)?;
        let (source, keys) = (SourceHash([7; 32]), keys(1, &[]));
        let SealedProgram(bytes) = engine.seal(&program, &source, &keys);
        let mut sealed = Sealed { bytes, source, keys };
        for bit in (0..sealed.bytes.len() * 8).step_by((sealed.bytes.len() * 8).div_ceil(CHANGES_MAX)) {
            flip(&mut sealed, bit);
            ensure(open(engine, &sealed).is_err(), || format!("it opened with bit {bit} changed"))?;
            flip(&mut sealed, bit);
        }
        for length in 0..sealed.bytes.len() {
            let cut = SealedProgram(sealed.bytes[..length].to_vec());
            let opened = engine.unseal(cut, &sealed.source, &sealed.keys);
            ensure(opened.is_err(), || format!("{length} of {} bytes opened", sealed.bytes.len()))?;
        }
        open(engine, &sealed).map(|_| ()).map_err(|error| format!("unchanged, but refused: {error}"))
    })
}

fn open<E: Engine>(engine: &E, sealed: &Sealed) -> Result<E::Program, SealError> {
    engine.unseal(SealedProgram(sealed.bytes.clone()), &sealed.source, &sealed.keys)
}

fn interrupt() -> Arc<Interrupt> {
    Arc::new(Interrupt::new(Arc::new(MonotonicClock::new())))
}

fn compile<E: Engine>(stage: &Stage<'_, E>, dialect: &impl Dialect) -> Checked<E::Program> {
    let text = dialect.source(Program::OutputInput).ok_or("the language cannot output its input")?;
    let source = stage::source(&text, SourceKind::Script);
    let compiled = stage.compile(&source, &super::trace::limits(|_| ()), &interrupt())?;
    compiled.map_err(|failure| format!("did not compile: {failure:?}"))
}

fn run<E: Engine>(stage: &Stage<'_, E>, program: &E::Program) -> Checked<()> {
    let mut vm = stage.vm(Purpose::Run)?;
    let invocation = stage::invocation("[1,2]", "{}", 1)?;
    let step = vm.start(program, invocation, super::trace::limits(|_| ()), interrupt());
    let answer = text::step(&go_on(&mut vm, step), &stage.environment.host);
    ensure(answer == "done [1,2]", || format!("opened, but it answers {answer:?}"))
}
