//! Modules that the host provides by name, and the refusal of all others.

use expect_test::{Expect, expect};
use isolet::{Execution, HostModules, Isolet, Policy, Source, SourceKind};

use crate::setup::{builder, isolet, output, tenant, told};

fn provider() -> Isolet {
    let modules = HostModules::new()
        .with("@acme/tax", "export const rate = 0.2; let calls = 0; export const count = () => ++calls")
        .and_then(|modules| {
            let pricing = "import { rate } from '@acme/tax'; export default (net) => net * (1 + rate); export { rate }";
            modules.with("pricing", pricing)
        })
        .and_then(|modules| modules.with("throws", "throw new RangeError('in a module')"));
    builder().policy(Policy::new().with_modules(modules.expect("names"))).build().expect("it builds")
}

async fn check(isolet: &Isolet, kind: SourceKind, script: &str, expected: Expect) {
    let source = Source::new("test.js", script, kind).expect("a name");
    let report = isolet.execute(Execution::new(source, tenant("acme"))).await;
    let told = if report.is_ok() { output(&report).to_owned() } else { told(&report) };
    expected.assert_eq(&told);
}

#[tokio::test]
async fn modules_are_imported_by_name() {
    let isolet = provider();
    let module = "import price, { rate } from 'pricing'; export default [price(10), rate]";
    for _ in 0..2 {
        check(&isolet, SourceKind::Auto, module, expect!["[12,0.2]"]).await;
        // Each run has modules of its own.
        let counts = "import { count } from '@acme/tax'; export default [count(), count()]";
        check(&isolet, SourceKind::Auto, counts, expect!["[1,2]"]).await;
    }
    let script = "const [one, two] = [await import('pricing'), await import('@acme/tax')]; [one.default(1), one.rate === two.rate]";
    check(&isolet, SourceKind::Script, script, expect!["[1.2,true]"]).await;
    let body = "return (await import('pricing')).default(100)";
    check(&isolet, SourceKind::Body, body, expect!["120"]).await;
    let missing = "import { nothing } from 'pricing'; export default nothing";
    check(
        &isolet,
        SourceKind::Auto,
        missing,
        expect!["runtime_error: SyntaxError: Could not find export 'nothing' in module 'pricing'"],
    )
    .await;
    check(&isolet, SourceKind::Auto, "await import('throws')", expect!["runtime_error: RangeError: in a module"]).await;
}

#[tokio::test]
async fn other_specifiers_are_refused_with_what_there_is() {
    let isolet = provider();
    check(&isolet, SourceKind::Auto, "import fs from 'fs'; export default 1", expect![[r#"sandbox_violation: TypeError: cannot import "fs": the modules that are provided are "@acme/tax", "pricing", "throws" at 1:16"#]]).await;
    for script in ["await import('./pricing')", "await import('pricing.js')", "await import('file:///etc/passwd')"] {
        let caught = format!("try {{ {script} }} catch (error) {{ error.message.split(': ')[1] }}");
        let provided = expect![[r#""the modules that are provided are \"@acme/tax\", \"pricing\", \"throws\"""#]];
        check(&isolet, SourceKind::Auto, &caught, provided).await;
    }
    check(&isolet, SourceKind::Auto, "await import('fs')", expect![[r#"sandbox_violation: TypeError: cannot import "fs": the modules that are provided are "@acme/tax", "pricing", "throws""#]]).await;
}

#[tokio::test]
async fn without_modules_nothing_is_imported() {
    let isolet = isolet();
    check(
        &isolet,
        SourceKind::Auto,
        "import fs from 'fs'; export default 1",
        expect![[
            r#"sandbox_violation: TypeError: cannot import "fs": no modules are provided to this script at 1:16"#
        ]],
    )
    .await;
    check(
        &isolet,
        SourceKind::Auto,
        "await import('fs')",
        expect![[r#"sandbox_violation: TypeError: cannot import "fs": no modules are provided to this script"#]],
    )
    .await;
    check(
        &isolet,
        SourceKind::Auto,
        "try { await import({ toString() { return 'fs' } }) } catch (e) { e.name }",
        expect![[r#""TypeError""#]],
    )
    .await;
}

#[tokio::test]
async fn a_module_that_does_not_compile_is_the_hosts_fault() {
    let modules = HostModules::new().with("broken", "export default {").expect("a name");
    let isolet = builder().policy(Policy::new().with_modules(modules)).build().expect("it builds");
    check(
        &isolet,
        SourceKind::Auto,
        "1",
        expect![[
            r#"host_error: HostError: the host's module "broken" does not compile: SyntaxError: invalid property name"#
        ]],
    )
    .await;
}
