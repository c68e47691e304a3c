//! APIs of closures, as scripts and embedders find them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use isolet::{
    ApiError, BigInt, Bytes, CloseReason, HostApi, HostOperation, Isolet, LimitOverrides, Limits, Permissions, Report,
    Status,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::setup::{builder, execution, output, told};

#[derive(Deserialize)]
struct LookupArgs {
    id: u32,
    #[serde(default)]
    verbose: bool,
}

#[derive(Serialize)]
struct Customer {
    id: u32,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    photo: Option<Bytes>,
}

/// Numbers that JSON has no map keys for.
#[derive(Serialize)]
struct Unwritable(std::collections::BTreeMap<(u8, u8), u8>);

fn crm() -> HostApi {
    let signature = "(query: {id: number, verbose?: boolean}) => Promise<{id: number, name: string}>".into();
    let lookup = HostOperation { signature, ..HostOperation::new("lookup") };
    HostApi::new("crm")
        .operation(lookup, async |call, LookupArgs { id, verbose }| match id {
            0 => Err(ApiError::new("no customer has the id 0").name("NotFoundError").code("ERR_NOT_FOUND").retryable()),
            1 => Err(std::fs::read("/nonexistent/secret").expect_err("no file").into()),
            _ => {
                let photo = verbose.then(|| Bytes(vec![1, 2, 3]));
                Ok(Customer { id, name: format!("{} of {}", id, call.tenant), photo })
            }
        })
        .operation("double", async |_, BigInt(n): BigInt| Ok(BigInt(n * 2)))
        .operation("sum", async |_, Bytes(bytes): Bytes| Ok(bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>()))
        .operation("echo", async |_, value: Value| Ok(value))
        .operation("nothing", async |_, (): ()| Ok(()))
        .operation("unwritable", async |_, (): ()| Ok(Unwritable([((1, 2), 3)].into())))
        .operation("panics", async |_, (): ()| -> Result<(), ApiError> { panic!("of the host") })
        .operation("huge", async |_, megabytes: usize| Ok("x".repeat(megabytes << 20)))
        .operation("limited", async |_, (): ()| -> Result<(), ApiError> {
            Err(ApiError::rate_limited("too many lookups", Duration::from_millis(1_500)))
        })
        .operation("never", async |_, (): ()| -> Result<(), ApiError> { std::future::pending().await })
        .blocking("file", |_, name: String| Ok(format!("{name} on a thread that may block")))
}

async fn run(script: &str) -> Report {
    let isolet = builder().host(crm()).build().expect("it builds");
    isolet.execute(execution(script)).await
}

#[tokio::test]
async fn scripts_call_closures() {
    for (script, expected) in [
        ("await crm.lookup({id: 7})", r#"{"id":7,"name":"7 of acme"}"#),
        ("[...(await crm.lookup({id: 7, verbose: true})).photo]", "[1,2,3]"),
        ("(await crm.lookup({id: 7, verbose: true})).photo.constructor === Uint8Array", "true"),
        ("typeof await crm.double(12345678901234567890n)", r#""bigint""#),
        ("String(await crm.double(12345678901234567890n))", r#""24691357802469135780""#),
        ("await crm.sum(new Uint8Array([1, 2, 3]).buffer)", "6"),
        ("await crm.sum(new Uint16Array([258]))", "3"),
        ("await crm.echo({$buffer: 0, $bigint: '1', $$a: [null]})", r#"{"$$a":[null],"$bigint":"1","$buffer":0}"#),
        ("await crm.nothing()", "null"),
        ("await crm.nothing(undefined, 2, 3)", "null"),
        ("await crm.file('a')", r#""a on a thread that may block""#),
        (
            "[Object.isFrozen(crm), typeof crm.lookup, crm.lookup({id: 7}) instanceof Promise]",
            r#"[true,"function",true]"#,
        ),
        ("(await Promise.all([1, 2, 3].map(n => crm.echo(n)))).length", "3"),
    ] {
        assert_eq!(output(&run(script).await), expected, "{script}");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told() {
    for (script, expected) in [
        ("await crm.lookup({id: 0})", "host_error: NotFoundError: no customer has the id 0 at 1:11"),
        ("await crm.lookup({id: 1})", "host_error: HostError: the operation failed at 1:11"),
        (
            "await crm.lookup({})",
            "runtime_error: TypeError: the argument is not what it should be: missing field `id` at 1:11",
        ),
        (
            "await crm.lookup()",
            "runtime_error: TypeError: the argument is not what it should be: invalid type: null, expected struct \
             LookupArgs at 1:11",
        ),
        (
            "await crm.sum([1])",
            "runtime_error: TypeError: the argument is not what it should be: invalid type: sequence, expected bytes: an \
             ArrayBuffer or a typed array at 1:11",
        ),
        ("await crm.unwritable()", "host_error: HostError: the operation failed at 1:11"),
        ("await crm.panics()", "host_error: HostError: the host failed while it made the call at 1:11"),
        (
            "await crm.huge(6)",
            "host_error: HostError: the reply has 6291458 bytes, at most 5242880 are allowed at 1:11",
        ),
        ("await crm.limited()", "rate_limited: RateLimitError: too many lookups at 1:11"),
    ] {
        assert_eq!(told(&run(script).await), expected, "{script}");
    }
    let caught = "try { await crm.lookup({id: 0}) } catch (e) { [e instanceof Error, e.name, e.code, e.message, e.retryable, e.stack.includes(':1:17')] }";
    let expected = r#"[true,"NotFoundError","ERR_NOT_FOUND","no customer has the id 0",true,true]"#;
    assert_eq!(output(&run(caught).await), expected);
    let later = "try { await crm.limited() } catch (e) { [e.retryable, e.retryAfterMs] }";
    assert_eq!(output(&run(later).await), "[true,1500]");
}

/// Whatever becomes of a call, the VM is as it was before, and what it left is given up.
#[tokio::test]
async fn a_vm_is_pristine_after_each() {
    let isolet = builder().workers(1).vms_warm(1).vms_max(1).host(crm()).build().expect("it builds");
    let probe = "globalThis.left ??= 0; [++left, await crm.echo(1)]";
    let first = isolet.execute(execution(probe)).await;
    for script in [
        "globalThis.left = 9; await crm.panics()",
        "globalThis.left = 9; await crm.huge(6)",
        "globalThis.left = 9; await crm.unwritable()",
        "globalThis.left = 9; crm.never(); 1",
        "globalThis.left = 9; await Promise.race([crm.never(), crm.echo(1)])",
        "globalThis.left = 9; await crm.never()",
    ] {
        let limits = LimitOverrides { wall_time: Some(Duration::from_millis(300)), ..LimitOverrides::default() };
        let ended = isolet.execute(execution(script).limits(limits)).await;
        let again = isolet.execute(execution(probe)).await;
        assert_eq!(output(&again), output(&first), "{script}: {}", told(&ended));
        assert_eq!(again.metrics.memory_peak_bytes, first.metrics.memory_peak_bytes, "{script}");
    }
}

/// Counts itself while it lives.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[tokio::test]
async fn a_call_ends_with_its_run() {
    let (alive, begun) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (count, began) = (alive.clone(), begun.clone());
    let api = HostApi::new("slow").operation("wait", move |_, (): ()| {
        let (alive, began) = (Alive::new(&count), began.clone());
        async move {
            began.notify_one();
            std::future::pending::<()>().await;
            drop(alive);
            Ok(())
        }
    });
    let isolet = builder().host(api).build().expect("it builds");
    for script in ["slow.wait(); await slow.wait()", "await new Promise(r => setTimeout(r, 5)); await slow.wait()"] {
        tokio::select! {
            report = isolet.execute(execution(script)) => panic!("{}", told(&report)),
            () = begun.notified() => {}
        }
        isolet_drained(&isolet).await;
        assert_eq!(alive.load(SeqCst), 0, "{script}");
    }
    let limits = LimitOverrides { wall_time: Some(Duration::from_millis(50)), ..LimitOverrides::default() };
    let report = isolet.execute(execution("await slow.wait()").limits(limits)).await;
    assert_eq!((report.status, alive.load(SeqCst)), (Status::Timeout, 0));
    let report = isolet.execute(execution("slow.wait(); 1")).await;
    assert_eq!((report.status, report.warnings.len(), alive.load(SeqCst)), (Status::Ok, 1, 0));
}

/// Waits until nothing is going on.
async fn isolet_drained(isolet: &Isolet) {
    while isolet.metrics().in_flight > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn sessions_last_for_a_run() {
    let log = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (opened, closed) = (log.clone(), log.clone());
    let say = |log: &Arc<std::sync::Mutex<Vec<String>>>, line: String| log.lock().expect("no panic").push(line);
    let api = HostApi::with_session("counter", move |run| {
        say(&opened, format!("open {}", run.tenant));
        async { Ok(AtomicUsize::new(0)) }
    })
    .operation("next", async |call, step: Option<usize>| Ok(call.session.fetch_add(step.unwrap_or(1), SeqCst)))
    .on_close(move |session, reason| {
        let end = if reason == CloseReason::Completed { "commit" } else { "roll back" };
        say(&closed, format!("{end} {}", session.load(SeqCst)));
        async {}
    });
    let isolet = builder().host(api).build().expect("it builds");
    let report = isolet.execute(execution("[await counter.next(), await counter.next(5), await counter.next()]")).await;
    assert_eq!(output(&report), "[0,1,6]");
    isolet.execute(execution("await counter.next(); throw 1")).await;
    isolet.execute(execution("1")).await;
    let log = log.lock().expect("no panic").clone();
    assert_eq!(log, ["open acme", "commit 7", "open acme", "roll back 1"]);
}

#[tokio::test]
async fn permissions_name_what_to_grant() {
    let call = "await crm.lookup({id: 7})";
    let with = |permissions| Isolet::builder().workers(1).vms_warm(1).host(crm()).permissions(permissions).build();
    let api = |name: &str| Permissions::default().api(name).expect("a name");
    for (permissions, is_permitted) in [
        (Permissions::default(), false),
        (api("crm"), true),
        (api("crm.lookup"), true),
        (api("crm.echo"), false),
        (api("*"), true),
    ] {
        let report = with(permissions).expect("it builds").execute(execution(call)).await;
        assert_eq!(report.status == Status::Ok, is_permitted, "{}", told(&report));
        if !is_permitted {
            let error = report.error.expect("it is denied");
            assert_eq!((error.kind, error.name.as_str()), (Status::SandboxViolation, "PermissionError"));
            assert!(
                error.message.ends_with(r#"add "crm" or "crm.lookup" to its permissions' "apis""#),
                "{}",
                error.message
            );
        }
    }
    let caught = "try { await crm.lookup({id: 7}) } catch (e) { [e.name, e.code] }";
    let report = with(Permissions::default()).expect("it builds").execute(execution(caught)).await;
    assert_eq!(output(&report), r#"["PermissionError","ERR_PERMISSION"]"#);
}

#[tokio::test]
async fn no_more_than_sixteen_at_once() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, peak) = (now.clone(), most.clone());
    let api = HostApi::new("slow").operation("wait", move |_, value: u32| {
        let (alive, count, peak) = (Alive::new(&count), count.clone(), peak.clone());
        async move {
            peak.fetch_max(count.load(SeqCst), SeqCst);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            drop(alive);
            Ok(value)
        }
    });
    let limits = Limits { api_rate: isolet::ApiCallRate::per_minute(1_000), ..Limits::default() };
    let isolet = builder().limits(limits).host(api).build().expect("it builds");
    let script = "const all = await Promise.all(Array.from({length: 100}, (_, n) => slow.wait(n))); all.every((v, n) => v === n)";
    let report = isolet.execute(execution(script)).await;
    assert_eq!(output(&report), "true");
    assert_eq!(report.metrics.host_calls, 100);
    assert!((2..=16).contains(&most.load(SeqCst)), "{}", most.load(SeqCst));
}

#[tokio::test]
async fn types_have_their_signatures() {
    let declarations = builder().host(crm()).declarations().expect("valid names");
    assert!(
        declarations.contains("declare const crm: {\n  readonly lookup: (query: {id: number, verbose?: boolean}) =>")
    );
    let taken = builder().host(HostApi::new("console")).build().expect_err("a reserved name");
    assert!(taken.to_string().contains("\"console\" is taken"), "{taken}");
    let twice =
        HostApi::new("a").operation("b", async |_, (): ()| Ok(json!(1))).operation("b", async |_, (): ()| Ok(json!(2)));
    builder().host(twice).build().expect_err("the name is there twice");
}
