//! A store of programs in memory, with all the faults that are wanted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use isolet::{BytecodeStore, BytecodeStoreError, ProgramKey, ProgramTarget, StoredProgram};

/// What it does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Serves,
    Fails,
    Panics,
    /// For 2 s.
    Sleeps,
    Never,
}

/// Rows by key, for tests to change.
pub(crate) struct Shelf {
    rows: Mutex<HashMap<ProgramKey, StoredProgram>>,
    noted: Mutex<HashMap<ProgramTarget, Vec<ProgramKey>>>,
    mood: Mutex<Mood>,
    /// Each save takes it: who holds it holds them up.
    pub(crate) saves: tokio::sync::Mutex<()>,
}

impl Shelf {
    pub(crate) fn new() -> Arc<Self> {
        let (rows, noted, mood) = (Mutex::default(), Mutex::default(), Mutex::new(Mood::Serves));
        Arc::new(Self { rows, noted, mood, saves: tokio::sync::Mutex::default() })
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().expect("nobody panics under it") = mood;
    }

    /// Looks at the rows, or changes them.
    pub(crate) fn rows<T>(&self, work: impl FnOnce(&mut HashMap<ProgramKey, StoredProgram>) -> T) -> T {
        work(&mut self.rows.lock().expect("nobody panics under it"))
    }

    /// Looks at what was noted, or changes it.
    pub(crate) fn noted<T>(&self, work: impl FnOnce(&mut HashMap<ProgramTarget, Vec<ProgramKey>>) -> T) -> T {
        work(&mut self.noted.lock().expect("nobody panics under it"))
    }

    async fn behave(&self) -> Result<(), BytecodeStoreError> {
        let mood = *self.mood.lock().expect("nobody panics under it");
        match mood {
            Mood::Serves => {}
            Mood::Fails => return Err(BytecodeStoreError { message: "no connection".into() }),
            Mood::Panics => panic!("the store panics"),
            Mood::Sleeps => tokio::time::sleep(Duration::from_secs(2)).await,
            Mood::Never => std::future::pending().await,
        }
        Ok(())
    }
}

#[async_trait]
impl BytecodeStore for Shelf {
    async fn load(&self, key: &ProgramKey) -> Result<Option<StoredProgram>, BytecodeStoreError> {
        self.behave().await?;
        Ok(self.rows(|rows| rows.get(key).cloned()))
    }

    async fn save(&self, key: &ProgramKey, program: &StoredProgram) -> Result<(), BytecodeStoreError> {
        self.behave().await?;
        let _turn = self.saves.lock().await;
        self.rows(|rows| rows.insert(*key, program.clone()));
        Ok(())
    }

    async fn note_used(&self, target: &ProgramTarget, keys: &[ProgramKey]) -> Result<(), BytecodeStoreError> {
        self.behave().await?;
        let there: Vec<_> = self.rows(|rows| keys.iter().filter(|key| rows.contains_key(key)).copied().collect());
        self.noted(|noted| {
            let noted = noted.entry(*target).or_default();
            noted.retain(|key| !there.contains(key));
            noted.splice(0..0, there);
        });
        Ok(())
    }

    async fn used_last(&self, target: &ProgramTarget, _max: usize) -> Result<Vec<ProgramKey>, BytecodeStoreError> {
        self.behave().await?;
        Ok(self.noted(|noted| noted.get(target).cloned().unwrap_or_default()))
    }
}
