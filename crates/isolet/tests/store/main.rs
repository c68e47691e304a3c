//! Real QuickJS over a real store.

mod invalidation;
mod programs;
mod shelf;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use isolet::{SealKey, SealKeys, Source, SourceKind, TenantId};

fn tenant() -> TenantId {
    TenantId::new("acme").expect("an id")
}

fn source(text: impl Into<String>) -> Source {
    Source::new("script.js", text.into(), SourceKind::Auto).expect("a name")
}

fn keys(number: u32) -> SealKeys {
    SealKeys { current: SealKey { number, secret: [number as u8; 32] }, previous: vec![] }
}

/// Whether the long tests are to be as long as they can be.
fn full() -> bool {
    std::env::var_os("ISOLET_STORE_FULL").is_some_and(|value| !value.is_empty())
}

/// A directory for a store, removed when it is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("isolet-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let directory = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&directory.0).expect("a directory for temporary files");
        directory
    }

    fn location(&self) -> String {
        self.0.join("store.db").to_str().expect("plain characters").to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
