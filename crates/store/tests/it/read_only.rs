//! A file that nobody may write, as when the disk is mounted so.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use isolet_store::{Store, StoreError};

use crate::contract::stage::{Fault, Stage, put_scripts};
use crate::directory::location;

/// Tells the process to be the one that may not write, and where the store is.
const READER: &str = "ISOLET_STORE_READER";

/// This test starts itself as another process, to which the permissions of files mean something also if it is root's.
#[test]
fn a_read_only_file_ends_nothing_but_writing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if let Ok(location) = std::env::var(READER) {
        return runtime.block_on(read(&location));
    }
    let (location, directory) = location();
    runtime.block_on(put_scripts(&location));
    let (file, directory) = (Path::new(&location), directory.path());
    permit(file, 0o444);
    // The file may not be written,
    reader(directory, &location);
    for beside in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{location}{beside}"));
    }
    permit(directory, 0o555);
    // nor may others be made beside it.
    reader(directory, &location);
    permit(directory, 0o755);
    permit(file, 0o644);
    runtime.block_on(async {
        let stage = Stage::over(&location, &location, |_| ()).await;
        stage.put("new", "output 1").await.expect("it may be written again");
    });
}

fn permit(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("it is ours");
}

/// Starts the process that may not write, which has to end well.
fn reader(directory: &Path, location: &str) {
    let test = std::env::current_exe().expect("this test");
    let mut command = match std::fs::metadata(directory).expect("it is there").uid() {
        0 => {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set", "-dac_override,-dac_read_search"]).arg(test);
            command
        }
        _ => Command::new(test),
    };
    let exact = ["--exact", "read_only::a_read_only_file_ends_nothing_but_writing", "--nocapture"];
    let ended = command.args(exact).env(READER, location).output().expect("it starts");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

async fn read(location: &str) {
    let directory = Path::new(location).parent().expect("the file is in a directory");
    if std::fs::metadata(directory).expect("it is there").permissions().readonly() {
        // SQLite reads a log beside the file, which it would have to make.
        let refused = Store::open(location).await.expect_err("it cannot even be read");
        let message = "attempt to write a readonly database".to_owned();
        assert_eq!(refused, StoreError::Open { message });
        return;
    }
    let stage = Stage::over(location, location, |_| ()).await;
    stage.bears(Fault { reads: true, messages: &["attempt to write a readonly database"] }).await;
}
