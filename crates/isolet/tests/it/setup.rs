//! What the tests share.

use isolet::{Execution, Isolet, Permissions, Report, Source, SourceKind, Status, TenantId};

/// Two workers and few VMs: enough, and quickly there.
pub(crate) fn isolet() -> Isolet {
    builder().build().expect("it builds")
}

pub(crate) fn builder() -> isolet::IsoletBuilder {
    Isolet::builder().workers(2).vms_warm(2).permissions(Permissions::all())
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("an id")
}

pub(crate) fn source(text: &str) -> Source {
    Source::new("test.js", text, SourceKind::Auto).expect("a name")
}

/// An execution of `text` for the tenant acme.
pub(crate) fn execution(text: &str) -> Execution {
    Execution::new(source(text), tenant("acme"))
}

/// The report's status, name and message in one line, with the place.
pub(crate) fn told(report: &Report) -> String {
    let Some(error) = &report.error else { return report.status.to_string() };
    let place = error.line.zip(error.column).map_or(String::new(), |(line, column)| format!(" at {line}:{column}"));
    format!("{}: {}: {}{place}", report.status, error.name, error.message)
}

/// The output as JSON.
pub(crate) fn output(report: &Report) -> &str {
    assert_eq!(report.status, Status::Ok, "{}", told(report));
    report.output.as_ref().map_or("", |output| output.get())
}
