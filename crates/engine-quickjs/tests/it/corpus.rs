//! What fuzzing found, and what broke once: replayed in both forms of the engine.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use isolet_core_traits::SourceKind;
use isolet_engine_quickjs::{QuickJs, QuickJsVm};
use isolet_testkit::oracle::{self, Case};

/// The saved inputs of a folder of `fuzz/`, in the order of their names.
fn inputs(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(folder);
    let files = fs::read_dir(&folder).expect("the folder is there").map(|entry| entry.expect("an entry").path());
    let named = |file: &Path| file.file_name().expect("a name").to_string_lossy().into_owned();
    let mut inputs: Vec<_> = files.map(|file| (named(&file), fs::read(&file).expect("readable"))).collect();
    inputs.sort();
    inputs
}

fn holds(engine: &QuickJs) {
    for (folder, at_least) in [("corpus", 100), ("findings", 1)] {
        let inputs = inputs(folder);
        assert!(inputs.len() >= at_least, "only {} inputs in {folder}", inputs.len());
        let replayed = oracle::replay(engine, QuickJsVm::differences, &Arc::default(), &inputs);
        assert_eq!(replayed, Ok(inputs.len()), "{folder}");
    }
}

/// Without ticks, which come when they come: two runs of a case would differ.
#[test]
fn the_corpus_holds() {
    holds(&QuickJs::new().expect("an engine").without_signals());
}

#[test]
fn the_corpus_holds_in_the_portable_form() {
    holds(&QuickJs::portable().expect("an engine"));
}

#[test]
fn what_is_left_in_a_vm_is_seen() {
    let engine = QuickJs::new().expect("an engine");
    let inputs = [("a script".to_owned(), Case::encode(SourceKind::Script, "1"))];
    let replayed = oracle::replay(&engine, |_| Err("a byte is left".into()), &Arc::default(), &inputs);
    assert_eq!(replayed, Err(vec!["a script: a byte is left".into()]));
}
