//! What runs under the memory checker, as a table.

/// Tests that are run in a process of their own.
pub(super) struct Part {
    pub(super) name: &'static str,
    /// The name of the target that has them.
    pub(super) target: &'static str,
    /// What the test program gets.
    pub(super) arguments: &'static [&'static str],
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// Rows of the table that the tests run through, by name.
    pub(super) left_out: &'static [&'static str],
}

const UNIT: &str = "isolet_engine_quickjs";
const INTEGRATION: &str = "it";

/// The slow ones first, so that the others fill the cores at the end.
pub(super) static PARTS: [Part; 6] = [
    Part {
        name: "the contract",
        target: INTEGRATION,
        arguments: &["conformance::quickjs_keeps_the_contract"],
        environment: WITHOUT_SIGNALS,
        left_out: SLOW_OF_THE_CONTRACT,
    },
    Part {
        name: "the contract, portable form",
        target: INTEGRATION,
        arguments: &["conformance::portable_quickjs_keeps_the_contract"],
        environment: &[],
        left_out: SLOW_OF_THE_CONTRACT,
    },
    Part {
        name: "hostile scripts, portable form",
        target: INTEGRATION,
        arguments: &["hostile::hostile_scripts_end_as_they_should_in_the_portable_form"],
        environment: &[],
        left_out: SLOW_OF_THE_HOSTILE,
    },
    Part {
        name: "runs that are left at an allocation",
        target: UNIT,
        arguments: &[
            "trials::out_of_memory::a_run_is_left_at_any_allocation",
            "trials::out_of_memory::a_run_that_was_left_is_over",
            "trials::out_of_memory::loading_a_program_is_left_at_any_allocation",
            "trials::out_of_memory::compiling_is_left_at_any_allocation",
        ],
        environment: &[("ISOLET_TRIALS_STRIDE", "97")],
        left_out: &[],
    },
    Part {
        name: "unit tests",
        target: UNIT,
        arguments: &["--skip", "trials::"],
        environment: &[("PROPTEST_CASES", "16")],
        left_out: &[],
    },
    Part {
        name: "a VM that moves between threads",
        target: INTEGRATION,
        arguments: &["threads::a_vm_moves_between_threads"],
        environment: WITHOUT_SIGNALS,
        left_out: &[],
    },
];

/// Valgrind allows no handler of signals to switch stacks.
const WITHOUT_SIGNALS: &[(&str, &str)] = &[("ISOLET_WITHOUT_SIGNALS", "1")];

/// Rows of the contract that take more than about three seconds.
const SLOW_OF_THE_CONTRACT: &[&str] = &[
    "limits: a map",
    "limits: closures",
    "limits: cycles of garbage are no use",
    "limits: garbage is no use",
    "limits: generators",
    "limits: keys of an object",
    "limits: memory caught as a rejection",
    "limits: memory in a catch-all",
    "limits: memory in finally",
    "limits: memory of a source",
    "limits: pending async functions",
    "limits: pending promises",
    "logs: a flood of lines",
    "stack: a deep value written",
    "stack: a small thread: a deep value written",
];

/// Hostile scripts that take more than about two seconds.
const SLOW_OF_THE_HOSTILE: &[&str] = &[
    "array of arrays",
    "array that doubles",
    "empty loop",
    "error made on a full stack",
    "fill of a huge length",
    "five thousand lines",
    "log a getter that deepens",
    "log a getter that eats the memory",
    "log a hundred million holes",
    "log an array of a million",
    "long chain of closures dropped",
    "long list dropped",
    "long regular expressions",
    "message of eight million characters",
    "message that eats the memory",
    "one line of twenty million characters",
    "output made large by escapes",
    "output of a hundred million holes",
    "output of fifty million characters",
    "output of four million characters",
    "output of many small parts",
    "output that deepens as it is read",
    "parse of a long array",
    "promise nested ten thousand deep",
    "recursion with many arguments",
    "replacement that blows up",
    "source of many statements",
    "split into characters",
    "spread that doubles",
    "stack of a hundred thousand lines",
    "string that grows",
    "strings held",
    "symbols in the registry",
    "toJSON that makes the output huge",
    "toJSON that wraps itself",
];
