//! The fake engine passes the suite, in each of its shapes; and the suite sees it when an engine does not.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use isolet_core_traits::{
    Abort, Capabilities, Compilation, End, Engine, EngineError, EngineId, Interrupt, Invocation, LogLine, NotParkable,
    Outcome, Reset, Resume, RunLimits, SealError, SealKeys, SealedProgram, Seed, Source, SourceHash, Status, Step, Vm,
    VmConfig,
};
use isolet_testkit::conformance::{self, Fake, JavaScript, Verdict};
use isolet_testkit::{FakeEngine, FakeOptions, FakeParked, FakeProgram, FakeThread, FakeVm, hostile};

#[test]
fn the_fake_engine_passes_in_each_shape() {
    for (reuse, park, polls_per_slice) in [
        (true, true, None),
        (true, true, Some(7)),
        (true, false, Some(100)),
        (false, true, None),
        (false, false, Some(1)),
    ] {
        let engine = FakeEngine::new(FakeOptions { reuse, park, polls_per_slice, ..FakeOptions::default() });
        let report = conformance::run(&engine, &Fake);
        assert!(report.failed.is_empty(), "reuse {reuse}, park {park}, slices {polls_per_slice:?}: {report}");
        assert!(report.passed.len() >= 90, "{report}");
        let counts = engine.counts();
        assert_eq!((counts.vms(), counts.threads), (0, 0), "{counts:?}");
    }
}

#[test]
fn rows_have_names_of_their_own() {
    let mut names = HashSet::new();
    for row in conformance::rows() {
        assert!(names.insert(row.to_string()), "two rows are named {row}");
    }
    assert!(names.len() > 500, "{} rows", names.len());
}

#[test]
fn rows_in_javascript_do_not_apply_to_another_language() {
    let engine = FakeEngine::default();
    for row in conformance::rows().filter(|row| row.group() == "values") {
        assert_eq!(conformance::check(&engine, &Fake, &row), Verdict::NotApplicable);
    }
    // An engine that claims to speak JavaScript and does not is found out.
    let report = conformance::run(&engine, &JavaScript);
    assert!(report.failed.len() > 400, "{} rows failed", report.failed.len());
}

#[test]
fn hostile_scripts_are_judged_by_their_status() {
    // The fake engine refuses all JavaScript: right for some scripts, wrong for the others.
    let engine = FakeEngine::new(FakeOptions { reuse: false, ..FakeOptions::default() });
    let report = conformance::hostile::run_all(&engine);
    assert_eq!(report.held.len() + report.broke.len(), hostile::all().count());
    assert!(report.not_run.is_empty());
    assert!(report.held.contains(&("source of open brackets", Status::SyntaxError)), "{report}");
    assert!(report.broke.iter().any(|(row, _)| *row == "empty loop"), "{report}");
}

/// What a broken engine does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    ForgetsToReset,
    LosesLogs,
    PanicsWhenMisused,
    OpensAnything,
    IgnoresItsSeed,
    TurnsRepliesAround,
    IgnoresLimits,
    MistakesEnds,
    ParksAndForgets,
}

#[test]
fn the_suite_sees_an_engine_with_a_flaw() {
    for (flaw, row) in [
        (Flaw::ForgetsToReset, "reset: after an output"),
        (Flaw::LosesLogs, "steps: logs have levels"),
        (Flaw::PanicsWhenMisused, "misuse: resume without a run"),
        (Flaw::OpensAnything, "seal: any bit changed, any length"),
        (Flaw::IgnoresItsSeed, "start: equal seeds give equal numbers"),
        (Flaw::TurnsRepliesAround, "calls: of several replies the first one counts"),
        (Flaw::IgnoresLimits, "limits: the same memory over a lower limit"),
        (Flaw::MistakesEnds, "steps: an endless run meets its deadline"),
        (Flaw::ParksAndForgets, "park: there and back"),
    ] {
        let report = conformance::run(&Flawed::new(flaw), &Fake);
        assert!(report.failed.iter().any(|(failed, _)| failed == row), "{flaw:?}: {report}");
    }
}

/// A fake engine with a flaw.
struct Flawed {
    engine: FakeEngine,
    flaw: Flaw,
    sealed: Mutex<Option<FakeProgram>>,
}

impl Flawed {
    fn new(flaw: Flaw) -> Self {
        Self { engine: FakeEngine::default(), flaw, sealed: Mutex::new(None) }
    }
}

struct FlawedVm {
    vm: FakeVm,
    flaw: Flaw,
    is_started: bool,
}

impl Engine for Flawed {
    type Program = FakeProgram;
    type Vm = FlawedVm;
    type Thread = FakeThread;

    fn id(&self) -> EngineId {
        self.engine.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.engine.capabilities()
    }

    fn attach_thread(&self) -> Result<FakeThread, EngineError> {
        self.engine.attach_thread()
    }

    fn create_vm(&self, config: &VmConfig) -> Result<FlawedVm, EngineError> {
        Ok(FlawedVm { vm: self.engine.create_vm(config)?, flaw: self.flaw, is_started: false })
    }

    fn program_bytes(&self, program: &FakeProgram) -> usize {
        self.engine.program_bytes(program)
    }

    fn seal(&self, program: &FakeProgram, source: &SourceHash, keys: &SealKeys) -> SealedProgram {
        *self.sealed.lock().expect("nothing panics while it is locked") = Some(program.clone());
        self.engine.seal(program, source, keys)
    }

    fn unseal(&self, sealed: SealedProgram, source: &SourceHash, keys: &SealKeys) -> Result<FakeProgram, SealError> {
        let program = self.sealed.lock().expect("nothing panics while it is locked").clone();
        match program {
            Some(program) if self.flaw == Flaw::OpensAnything => Ok(program),
            _ => self.engine.unseal(sealed, source, keys),
        }
    }
}

impl Vm for FlawedVm {
    type Program = FakeProgram;
    type Parked = FakeParked;

    fn compile(&mut self, source: &Source, limits: &RunLimits, interrupt: &Arc<Interrupt>) -> Compilation<FakeProgram> {
        self.vm.compile(source, limits, interrupt)
    }

    fn resume_compile(&mut self) -> Compilation<FakeProgram> {
        self.vm.resume_compile()
    }

    fn start(
        &mut self,
        program: &FakeProgram,
        mut invocation: Invocation,
        mut limits: RunLimits,
        interrupt: Arc<Interrupt>,
    ) -> Step {
        self.is_started = true;
        match self.flaw {
            Flaw::IgnoresItsSeed => invocation.random_seed = Seed::Drawn(4),
            Flaw::IgnoresLimits => limits = RunLimits::default(),
            _ => {}
        }
        let step = self.vm.start(program, invocation, limits, interrupt);
        match step {
            Step::Done(Outcome { end: End::Aborted { place, .. }, .. }) if self.flaw == Flaw::MistakesEnds => {
                Step::Done(Outcome {
                    end: End::Aborted { why: Abort::CpuTime, place },
                    ..self.vm.abort(Abort::CpuTime)
                })
            }
            step => step,
        }
    }

    fn resume(&mut self, with: Resume) -> Step {
        assert!(self.is_started || self.flaw != Flaw::PanicsWhenMisused, "the engine is misused");
        match with {
            Resume::Replies(mut replies) if self.flaw == Flaw::TurnsRepliesAround => {
                replies.reverse();
                self.vm.resume(Resume::Replies(replies))
            }
            with => self.vm.resume(with),
        }
    }

    fn abort(&mut self, why: Abort) -> Outcome {
        self.vm.abort(why)
    }

    fn take_logs(&mut self) -> Vec<LogLine> {
        if self.flaw == Flaw::LosesLogs { Vec::new() } else { self.vm.take_logs() }
    }

    fn park(&mut self) -> Result<FakeParked, NotParkable> {
        self.vm.park()
    }

    fn unpark(&mut self, parked: FakeParked) -> Result<(), EngineError> {
        if self.flaw == Flaw::ParksAndForgets { Ok(()) } else { self.vm.unpark(parked) }
    }

    fn reset(&mut self) -> Reset {
        if self.flaw == Flaw::ForgetsToReset { Reset::Pristine } else { self.vm.reset() }
    }
}
