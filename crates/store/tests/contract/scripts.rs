//! Scripts with revisions.

use isolet_core_traits::{LimitOverrides, Permissions, ScriptSource, SourceKind};
use isolet_store::{Action, Expected, ScriptDraft, StoreError};
use tokio::task::JoinSet;

use super::{Words, current, draft, open, script, tenant};

pub(crate) async fn revisions_are_named_after_their_content(location: &str) {
    let store = open(location).await;
    let (scripts, acme, total) = (store.scripts(), tenant("acme"), script("total.js"));
    let put = async |text: &str| {
        scripts.put(&Words, &acme, &total, &draft(text), &Expected::Anything).await.expect("it is put")
    };
    let (first, second) = (put("1").await, put("2").await);
    assert_eq!([first.version, second.version], [1, 2]);
    assert_ne!(first.revision, second.revision);
    let same = put("2").await;
    assert_eq!((same.version, same.is_changed, &same.revision), (2, false, &second.revision));
    let back = put("1").await;
    assert_eq!((back.version, back.is_changed, &back.revision), (3, true, &first.revision));

    let limits = LimitOverrides { output_bytes: Some(10), ..LimitOverrides::default() };
    let (permissions, policy) = (Some(Permissions::all()), Some("strict".to_owned()));
    let full = ScriptDraft { text: "1".into(), kind: SourceKind::Body, limits: limits.clone(), permissions, policy };
    let third = scripts.put(&Words, &acme, &total, &full, &Expected::Anything).await.expect("it is put");
    assert_ne!(third.revision, first.revision);
    let found = scripts.get(&acme, &total).await.expect("the store serves").expect("it is there");
    let stored = scripts.script(&acme, &total).await.expect("the store serves").expect("it is there");
    for stored in [stored, found.script] {
        assert_eq!((stored.source.text(), stored.source.kind()), ("1", SourceKind::Body));
        assert_eq!((&stored.limits, stored.policy.as_deref()), (&limits, Some("strict")));
        assert_eq!(stored.permissions.as_deref(), Some(&Permissions::all()));
        assert_eq!(stored.revision, third.revision);
    }
    let old = scripts.revision(&acme, &total, &second.revision).await.expect("the store serves").expect("it was");
    assert_eq!((old.script.source.text(), old.version), ("2", 2));
    assert!(scripts.revision(&acme, &script("other"), &second.revision).await.expect("it serves").is_none());
}

pub(crate) async fn a_script_that_does_not_compile_is_refused(location: &str) {
    let store = open(location).await;
    let (scripts, acme, total) = (store.scripts(), tenant("acme"), script("total.js"));
    scripts.put(&Words, &acme, &total, &draft("1"), &Expected::Anything).await.expect("it is put");
    match scripts.put(&Words, &acme, &total, &draft("broken"), &Expected::Anything).await {
        Err(StoreError::Refused(error)) => assert_eq!((error.line, error.column), (Some(2), Some(7))),
        other => panic!("{other:?}"),
    }
    let permissions =
        Permissions { apis: vec!["crm.lookup".parse().expect("a name"); 10_000], ..Permissions::default() };
    let large = ScriptDraft { permissions: Some(permissions), ..draft("1") };
    let refused = scripts.put(&Words, &acme, &total, &large, &Expected::Anything).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
    assert_eq!(current(scripts, &acme, &total).await.as_deref(), Some("1"));
    assert_eq!(scripts.history(&acme, &total, None, 10).await.expect("it serves").len(), 1);
}

pub(crate) async fn whoever_believes_something_else_is_refused(location: &str) {
    let store = open(location).await;
    let (scripts, acme, total) = (store.scripts(), tenant("acme"), script("total.js"));
    let put = async |text: &str, expected: &Expected| scripts.put(&Words, &acme, &total, &draft(text), expected).await;
    let revision = |text: &str| Expected::Revision(text.to_owned());
    let conflict = |found: Option<&str>| Err(StoreError::Conflict { found: found.map(str::to_owned) });
    assert_eq!(put("1", &revision("none")).await, conflict(None));
    let first = put("1", &Expected::Absent).await.expect("there is none").revision;
    assert_eq!(put("2", &Expected::Absent).await, conflict(Some(&first)));
    assert_eq!(put("1", &Expected::Absent).await, conflict(Some(&first)), "also if it is the same");
    let second = put("2", &revision(&first)).await.expect("it is that one").revision;
    assert_eq!(put("3", &revision(&first)).await, conflict(Some(&second)));
    assert_eq!(scripts.rollback(&acme, &total, &first, &revision(&first)).await, conflict(Some(&second)));
    assert_eq!(
        scripts.delete(&acme, &total, &revision(&first)).await,
        Err(StoreError::Conflict { found: Some(second.to_string()) })
    );
    let absent = scripts.rollback(&acme, &total, "none", &Expected::Anything).await;
    assert_eq!(absent, Err(StoreError::Absent { what: "revision" }));
    assert_eq!(current(scripts, &acme, &total).await.as_deref(), Some("2"));
}

pub(crate) async fn one_of_many_wins(location: &str) {
    let store = open(location).await;
    let (scripts, acme, total) = (store.scripts(), tenant("acme"), script("total.js"));
    let first = scripts.put(&Words, &acme, &total, &draft("0"), &Expected::Absent).await.expect("it is put");
    let mut writers = JoinSet::new();
    for number in 1..=40 {
        let (scripts, acme, total, expected) =
            (scripts.clone(), acme.clone(), total.clone(), Expected::Revision(first.revision.to_string()));
        writers.spawn(async move {
            scripts.put(&Words, &acme, &total, &draft(&number.to_string()), &expected).await.map(|put| put.revision)
        });
    }
    let ended = writers.join_all().await;
    let won: Vec<_> = ended.iter().filter_map(|ended| ended.as_ref().ok()).collect();
    assert_eq!(won.len(), 1);
    assert!(ended.iter().all(|ended| matches!(ended, Ok(_) | Err(StoreError::Conflict { .. }))), "{ended:?}");
    let found = scripts.get(&acme, &total).await.expect("it serves").expect("it is there");
    assert_eq!((&found.revision, found.version), (won[0], 2));
}

/// Names that are patterns, quotes, statements or paths somewhere.
const NAMES: [&str; 12] =
    ["acme", "ACME", "acme ' OR 1=1 --", "%", "_", "a%", "\"", "$1", "../acme", "acme\\", "é", "e\u{301}"];

pub(crate) async fn tenants_have_names_of_their_own(location: &str) {
    let store = open(location).await;
    let scripts = store.scripts();
    for name in NAMES {
        for of in NAMES {
            let text = draft(&format!("{of} of {name}"));
            scripts.put(&Words, &tenant(name), &script(of), &text, &Expected::Absent).await.expect("it is put");
        }
    }
    for name in NAMES {
        let list = scripts.list(&tenant(name), None, 100).await.expect("it serves");
        let mut names = NAMES;
        names.sort_unstable();
        assert_eq!(list.iter().map(|entry| entry.script.as_str()).collect::<Vec<_>>(), names);
        for of in NAMES {
            let text = current(scripts, &tenant(name), &script(of)).await;
            assert_eq!(text, Some(format!("{of} of {name}")));
        }
    }
    let theirs = scripts.get(&tenant("acme"), &script("acme")).await.expect("it serves").expect("it is there");
    let mine = (tenant("ACME"), script("acme"));
    assert!(scripts.revision(&mine.0, &mine.1, &theirs.revision).await.expect("it serves").is_none());
    let stolen = scripts.rollback(&mine.0, &mine.1, &theirs.revision, &Expected::Anything).await;
    assert_eq!(stolen, Err(StoreError::Absent { what: "revision" }));
    assert!(scripts.delete(&tenant("acme"), &script("acme"), &Expected::Anything).await.expect("it serves"));
    assert_eq!(current(scripts, &mine.0, &mine.1).await.as_deref(), Some("acme of ACME"));
}

pub(crate) async fn any_text_comes_back(location: &str) {
    let store = open(location).await;
    let (acme, odd) = (tenant("acme"), script("odd"));
    let long = "x".repeat(1 << 20);
    for text in ["", "\0", "'\0'", "\u{feff}1", "1\r\n2\u{2028}", "'; DROP TABLE isolet_scripts; --", "𝒳", &long] {
        store.scripts().put(&Words, &acme, &odd, &draft(text), &Expected::Anything).await.expect("it is put");
        // By another handle: not what is in memory.
        let found = open(location).await.scripts().get(&acme, &odd).await.expect("it serves").expect("it is there");
        assert!(found.script.source.text() == text, "{text:.40?}");
    }
}

pub(crate) async fn lists_and_histories_come_in_pages(location: &str) {
    let store = open(location).await;
    let (scripts, acme) = (store.scripts(), tenant("acme"));
    for number in 0..25 {
        let (name, text) = (script(&format!("{number:02}")), draft(&number.to_string()));
        scripts.put(&Words, &acme, &name, &text, &Expected::Anything).await.expect("it is put");
        scripts.put(&Words, &acme, &script("one"), &text, &Expected::Anything).await.expect("it is put");
    }
    scripts.delete(&acme, &script("07"), &Expected::Anything).await.expect("it is deleted");
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = scripts.list(&acme, after.as_ref(), 10).await.expect("it serves");
        assert!(page.len() <= 10);
        let Some(last) = page.last() else { break };
        after = Some(last.script.clone());
        names.extend(page.into_iter().map(|entry| entry.script.as_str().to_owned()));
    }
    let expected: Vec<_> = (0..25).filter(|number| *number != 7).map(|number| format!("{number:02}")).collect();
    assert_eq!(names, [expected, vec!["one".to_owned()]].concat());

    let (mut versions, mut before) = (Vec::new(), None);
    loop {
        let page = scripts.history(&acme, &script("one"), before, 10).await.expect("it serves");
        let Some(last) = page.last() else { break };
        before = Some(last.version);
        versions.extend(page.iter().map(|change| change.version));
    }
    assert_eq!(versions, (1..=25).rev().collect::<Vec<_>>());
}

pub(crate) async fn deleted_scripts_come_back(location: &str) {
    let store = open(location).await;
    let (scripts, acme, total) = (store.scripts(), tenant("acme"), script("total.js"));
    let first = scripts.put(&Words, &acme, &total, &draft("1"), &Expected::Absent).await.expect("it is put");
    assert!(scripts.delete(&acme, &total, &Expected::Anything).await.expect("it is deleted"));
    assert!(!scripts.delete(&acme, &total, &Expected::Anything).await.expect("there is none"));
    assert_eq!(current(scripts, &acme, &total).await, None);
    assert!(scripts.list(&acme, None, 10).await.expect("it serves").is_empty());
    let back = scripts.rollback(&acme, &total, &first.revision, &Expected::Absent).await.expect("it had it");
    assert_eq!((back.version, &back.revision), (3, &first.revision));
    assert_eq!(current(scripts, &acme, &total).await.as_deref(), Some("1"));
    let history = scripts.history(&acme, &total, None, 10).await.expect("it serves");
    assert_eq!(
        history.iter().map(|change| (change.action, change.revision.is_some())).collect::<Vec<_>>(),
        [(Action::Rollback, true), (Action::Delete, false), (Action::Put, true)]
    );
}

pub(crate) async fn opening_again_finds_everything(location: &str) {
    let (acme, total) = (tenant("acme"), script("total.js"));
    let mut stores = JoinSet::new();
    for _ in 0..4 {
        let location = location.to_owned();
        stores.spawn(async move { open(&location).await });
    }
    let stores = stores.join_all().await;
    stores[0].scripts().put(&Words, &acme, &total, &draft("1"), &Expected::Absent).await.expect("it is put");
    for store in &stores {
        store.close().await;
        assert!(matches!(store.scripts().get(&acme, &total).await, Err(StoreError::Unavailable { .. })));
    }
    assert_eq!(current(open(location).await.scripts(), &acme, &total).await.as_deref(), Some("1"));
}
