//! A directory for the file of a test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Removed when it is dropped.
pub(crate) struct Directory(PathBuf);

/// A file that is not there yet.
pub(crate) fn location() -> (String, Directory) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = format!("isolet-store-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
    let directory = Directory(std::env::temp_dir().join(name));
    std::fs::create_dir_all(&directory.0).expect("a directory for temporary files");
    (directory.0.join("store.db").to_str().expect("plain characters").to_owned(), directory)
}

impl Directory {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
