//! What holds for every database. Each function gets the location of an empty one.

pub(crate) mod bytecode;
pub(crate) mod crash;
pub(crate) mod invalidation;
pub(crate) mod records;
pub(crate) mod scripts;
pub(crate) mod stage;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isolet_core_traits::{ErrorReport, JsonText, Report, ScriptId, ScriptSource, Source, SourceKind, Status, TenantId};
use isolet_store::{ScriptDraft, ScriptStore, SourceCheck, Store, StoreConfig};

/// A test of every database, by the name of its function.
#[macro_export]
macro_rules! contract {
    ($location:expr; $($module:ident: $($name:ident),+;)+) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (location, _guard) = $location;
                $crate::contract::$module::$name(&location).await;
            })+
        })+
    };
}

/// All of them.
#[macro_export]
macro_rules! whole_contract {
    ($location:expr) => {
        $crate::contract! {
            $location;
            bytecode: programs_are_kept_and_replaced, old_and_surplus_programs_go, what_was_used_last_is_known,
                several_programs_come_at_once;
            invalidation: a_put_is_seen_at_once, other_processes_follow, changes_race_with_readers,
                without_a_database_what_is_known_is_served_for_a_while;
            records: reports_are_kept_as_configured, pages_follow_each_other, tenants_see_their_own,
                old_and_surplus_records_go, what_was_queued_is_written_at_the_end, nothing_is_recorded_when_off;
            scripts: revisions_are_named_after_their_content, a_script_that_does_not_compile_is_refused,
                whoever_believes_something_else_is_refused, one_of_many_wins, tenants_have_names_of_their_own,
                any_text_comes_back, lists_and_histories_come_in_pages, deleted_scripts_come_back,
                opening_again_finds_everything;
        }
    };
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("an id")
}

pub(crate) fn script(name: &str) -> ScriptId {
    ScriptId::new(name).expect("an id")
}

pub(crate) fn draft(text: &str) -> ScriptDraft {
    ScriptDraft::new(text, SourceKind::Auto)
}

/// Refuses texts with the word `broken`.
pub(crate) struct Words;

#[async_trait]
impl SourceCheck for Words {
    async fn check(&self, source: &Source, _: &TenantId) -> Result<(), Box<ErrorReport>> {
        if !source.text().contains("broken") {
            return Ok(());
        }
        let (line, column) = (Some(2), Some(7));
        let (name, message) = ("SyntaxError".to_owned(), "a broken word".to_owned());
        let (stack, causes, snippet, hint, retryable) = (Vec::new(), Vec::new(), None, None, false);
        let kind = Status::SyntaxError;
        Err(Box::new(ErrorReport { kind, name, message, line, column, stack, causes, snippet, hint, retryable }))
    }
}

pub(crate) async fn open(location: &str) -> Store {
    open_with(location, |_| ()).await
}

pub(crate) async fn open_with(location: &str, change: impl FnOnce(&mut StoreConfig)) -> Store {
    // Machines that run tests may be slow.
    let mut config = StoreConfig { wait_max: Duration::from_secs(60), ..StoreConfig::default() };
    change(&mut config);
    Store::open_with(location, config).await.expect("a store")
}

/// The text of the script that an execution would get now.
pub(crate) async fn current(scripts: &ScriptStore, tenant: &TenantId, script: &ScriptId) -> Option<String> {
    let stored = scripts.script(tenant, script).await.expect("the store serves");
    stored.map(|stored| stored.source.text().to_owned())
}

/// Whether the long tests are to be as long as they can be.
pub(crate) fn full() -> bool {
    std::env::var_os("ISOLET_STORE_FULL").is_some_and(|value| !value.is_empty())
}

/// Waits for what happens in the background; not for ever.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..3_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a minute is over, and not yet: {what}");
}

/// A report as an executor makes it.
pub(crate) fn report(tenant: &str, script: &str, id: &str, status: &str, output: &str) -> Report {
    let json = format!(
        r#"{{"id":"{id}","status":"{status}","output":{output},"output_undefined":false,
            "truncated":{{"output":null,"logs":null}},"error":null,"killed":null,"warnings":[],
            "logs":[{{"level":"info","message":"a line","at_ms":0.5}},{{"level":"warn","message":"another","at_ms":1}}],
            "context":{{"tenant":"{tenant}","user":null,"organization":null,"script":"{script}","revision":"r1"}},
            "queue":{{"waited_us":1,"waited_for":null,"position":0}},
            "metrics":{{"compile_us":0,"run_us":310,"cpu_us":290,"host_wait_us":0,"reset_us":5,"cache":"hit","vm":"warm",
            "memory_peak_bytes":1000,"host_calls":0,"host_bytes_in":0,"host_bytes_out":0,"output_bytes":2,
            "preemptions":0}}}}"#
    );
    serde_json::from_str(&json).expect("a report")
}

pub(crate) fn input(text: &str) -> JsonText {
    JsonText::parse(Arc::<str>::from(text)).expect("JSON")
}
