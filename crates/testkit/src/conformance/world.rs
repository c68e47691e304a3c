//! What the scripts of the suite find in their VM: a console, a few natives, a host that answers.

use std::sync::Arc;

use isolet_core_traits::{
    CallId, Environment, HostCall, HostFailure, HostFailureKind, HostInterface, HostModule, HostNamespace,
    HostOperation, HostReply, Intrinsics, LazyScript, LogLevel, Native, NativeContext, NativeFailure, NativeValue,
    OperationId, Payload, SetupScript,
};
use serde_json::value::RawValue;

/// What a native panics with, and no text of a run may show.
pub(super) const SECRET: &str = "a secret of the host";

/// How the names of the suite's setup scripts begin, which no stack may show.
pub(crate) const SETUP_NAME: &str = "conformance-setup";

const CONSOLE: &str = "\
const { stringify } = JSON, text = String, { log } = native;
const show = value => {
  if (typeof value === 'string') return value;
  try { return stringify(value) ?? text(value) } catch {}
  try { return text(value) } catch { return '?' }
};
const sink = level => (...values) => {
  let line = '';
  for (let i = 0; i < values.length; i++) line += (i ? ' ' : '') + show(values[i]);
  log(level, line);
};
global.console = { trace: sink(0), debug: sink(1), info: sink(2), log: sink(2), warn: sink(3), error: sink(4) };
";

/// `probe` is what the rows about natives and setup scripts use.
const PROBE: &str = "\
const { kind, same, fail, panic, many, keep, release } = native, { echo } = host.hidden;
global.probe = {
  kind: value => kind(value),
  same: value => same(value),
  fail: (name, message) => fail(name, message),
  panic: () => panic(),
  many: (...values) => many(...values),
  keep: value => keep(value),
  release: number => release(number),
  hidden: value => echo(value),
  calls: callback => callback(),
};
global.order = ['first'];
";

/// Two globals that are made on first use.
const LATE: &str = "\
own.made = (own.made ?? 0) + 1;
const { same } = native;
return [value => same(value), { made: own.made, brand: value => own.brand(value) }];
";

/// One whose script throws at first.
const FLAKY: &str = "\
if (own.tried === undefined) {
  own.tried = true;
  throw new TypeError('not yet');
}
return ['at last'];
";

/// What scripts may import.
const MODULES: [(&str, &str); 2] = [
    ("first", "let n = 0; export const next = () => ++n; export default 'first'"),
    ("@suite/second", "import first, { next } from 'first'; export default () => first + next()"),
];

const SECOND: &str =
    "global.order.push('second'); global.self_is_strict = (function () { return this === undefined })();";

/// Everything that scripts can reach from the global object without calling anything, as text.
pub(super) const FINGERPRINT: &str = "
const seen = new Set(), lines = [];
const visit = (path, value) => {
  if (Object(value) !== value || seen.has(value) || path.startsWith('/input') || path.startsWith('/context')) return;
  seen.add(value);
  lines.push(path + ':' + Object.isExtensible(value));
  for (const key of Reflect.ownKeys(value)) {
    const { get, set, value: inner, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(value, key);
    const part = path + '/' + String(key);
    lines.push(part + ':' + typeof inner + writable + enumerable + configurable + (Object(inner) === inner ? '' : String(inner)));
    visit(part, inner); visit(part + '/get', get); visit(part + '/set', set);
  }
  visit(path + '/prototype', Object.getPrototypeOf(value));
};
visit('', globalThis);
let hash = 0; for (const line of lines) for (let i = 0; i < line.length; i++) hash = (hash * 31 + line.charCodeAt(i)) | 0;
[lines.length, hash]";

/// The world of most rows.
pub(crate) fn environment(eval: bool) -> Arc<Environment> {
    let script = |name, source| SetupScript { name, source };
    let setup = vec![
        script("conformance-setup-1", CONSOLE),
        script("conformance-setup-2", PROBE),
        script("conformance-setup-3", SECOND),
    ];
    let intrinsics = Intrinsics { eval, ..Intrinsics::default() };
    let lazy = |name, source, globals, natives| LazyScript { script: script(name, source), globals, natives };
    let lazy = vec![
        lazy("conformance-setup-late", LATE, &["late", "later"], natives()),
        lazy("conformance-setup-flaky", FLAKY, &["flaky"], Vec::new()),
    ];
    let modules = MODULES.map(|(name, source)| HostModule { name: name.into(), source: source.into() }).to_vec();
    let (natives, host) = (natives(), interface());
    Arc::new(Environment { intrinsics, natives, host, setup, lazy, modules, ..Environment::default() })
}

/// A world of nothing but a console: what hostile scripts get.
pub(super) fn bare_environment() -> Arc<Environment> {
    let setup = vec![SetupScript { name: SETUP_NAME, source: CONSOLE }];
    Arc::new(Environment { natives: natives(), setup, ..Environment::default() })
}

/// A world whose setup script throws.
pub(super) fn broken_environment() -> Arc<Environment> {
    let source = "throw new TypeError('broken setup')";
    let setup = vec![SetupScript { name: SETUP_NAME, source }];
    Arc::new(Environment { natives: natives(), setup, ..Environment::default() })
}

fn interface() -> HostInterface {
    let mut operations = ["echo", "json", "raw", "fail", "hang", "narrow"].map(HostOperation::new).to_vec();
    operations[5].arguments_max = 1;
    let test = HostNamespace { name: "test".into(), exposed: true, operations };
    let echo = HostOperation::new("echo");
    let hidden = HostNamespace { name: "hidden".into(), exposed: false, operations: vec![echo] };
    HostInterface::new(vec![test, hidden]).expect("the names are identifiers and differ")
}

/// How the suite's host answers a call, or `None` if it never does.
pub(crate) fn answer(call: &HostCall) -> Option<HostReply> {
    let OperationId { namespace, operation } = call.operation;
    let result = match (namespace, operation) {
        (0, 0) | (1, 0) => first(call).map(|json| Payload { json, buffers: call.payload.buffers.clone() }),
        (0, 1) | (0, 5) => Payload::from_value(&call.payload.json).map_err(|error| bad(error.to_string())),
        (0, 2) => first(call).and_then(|json| raw(&json, &call.payload.buffers)),
        (0, 3) => Err(first(call).map_or_else(|failure| failure, |kind| failure(&kind))),
        _ => return None,
    };
    Some(HostReply { call: call.id, result })
}

/// A reply of JSON alone.
pub(super) fn reply(call: u32, json: &str) -> HostReply {
    HostReply { call: CallId(call), result: Ok(Payload { json: json.to_owned(), buffers: Vec::new() }) }
}

/// The failures of `test.fail` and of traces: with code `E_TEST`, retryable after 1,500 ms.
pub(crate) fn host_failure(kind: HostFailureKind) -> HostFailure {
    HostFailure {
        code: Some("E_TEST".into()),
        retryable: true,
        retry_after_ms: Some(1_500),
        ..HostFailure::new(kind, format!("{kind:?}Error"), "told to fail")
    }
}

fn first(call: &HostCall) -> Result<String, HostFailure> {
    let values: Result<Vec<Box<RawValue>>, _> = serde_json::from_str(&call.payload.json);
    let values = values.map_err(|error| bad(error.to_string()))?;
    Ok(values.first().map_or("null", |value| value.get()).to_owned())
}

/// The JSON that the script wrote into a string.
fn raw(json: &str, buffers: &[Vec<u8>]) -> Result<Payload, HostFailure> {
    let json: String = serde_json::from_str(json).map_err(|error| bad(error.to_string()))?;
    Ok(Payload { json, buffers: buffers.to_vec() })
}

fn failure(kind: &str) -> HostFailure {
    let kinds =
        [HostFailureKind::Failed, HostFailureKind::BadArguments, HostFailureKind::RateLimited, HostFailureKind::Denied];
    let known = kinds.into_iter().find(|known| format!("\"{known:?}\"") == kind);
    known.map_or_else(|| bad(format!("{kind} is no kind")), host_failure)
}

fn bad(message: String) -> HostFailure {
    HostFailure::new(HostFailureKind::BadArguments, "TypeError", message)
}

fn natives() -> Vec<Native> {
    vec![
        Native { name: "log", arguments: 2, call: log },
        Native { name: "kind", arguments: 1, call: kind },
        Native { name: "same", arguments: 1, call: same },
        Native { name: "fail", arguments: 2, call: fail },
        Native { name: "panic", arguments: 0, call: panics },
        Native { name: "many", arguments: 3, call: many },
        Native { name: "keep", arguments: 1, call: keep },
        Native { name: "release", arguments: 1, call: release },
    ]
}

type NativeResult = Result<NativeValue, NativeFailure>;

fn log(context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> NativeResult {
    let [NativeValue::Number(level), NativeValue::String(message)] = arguments else {
        return Err(NativeFailure { name: "TypeError", message: "log needs a level and a text".into() });
    };
    let level = LogLevel::ALL.get(*level as usize).copied().unwrap_or(LogLevel::Info);
    context.log(level, message.clone());
    Ok(NativeValue::Undefined)
}

fn kind(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> NativeResult {
    Ok(NativeValue::String(format!("{:?}", arguments[0])))
}

fn same(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> NativeResult {
    Ok(arguments[0].clone())
}

fn fail(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> NativeResult {
    let [NativeValue::String(name), NativeValue::String(message)] = arguments else {
        return Err(NativeFailure { name: "TypeError", message: "fail needs a name and a message".into() });
    };
    let names = ["TypeError", "RangeError", "SyntaxError"];
    let name = names.into_iter().find(|known| known == name).unwrap_or("QuotaError");
    Err(NativeFailure { name, message: message.clone() })
}

fn panics(_context: &mut NativeContext<'_>, _arguments: &[NativeValue]) -> NativeResult {
    panic!("{SECRET}")
}

fn many(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> NativeResult {
    Ok(NativeValue::String(format!("{arguments:?}")))
}

fn keep(context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> NativeResult {
    context.keep(arguments[0].clone())
}

fn release(context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> NativeResult {
    context.release(&arguments[0])
}
