//! The world that scripts find, as TypeScript declarations for editors.

use isolet_core_traits::HostInterface;

use crate::policy::{Capability, Policy};
use crate::web::TIMERS;

/// What every script finds beside the language.
const STANDING: &str = include_str!("types/standing.d.ts");

/// The parts of TypeScript's own declarations that fit the engine's language, those of single capabilities aside.
const LANGUAGE: &[&str] = &[
    "es5",
    "es2015.core",
    "es2015.collection",
    "es2015.generator",
    "es2015.iterable",
    "es2015.promise",
    "es2015.symbol",
    "es2015.symbol.wellknown",
    "es2016.array.include",
    "es2017.arraybuffer",
    "es2017.date",
    "es2017.object",
    "es2017.string",
    "es2017.typedarrays",
    "es2018.asyncgenerator",
    "es2018.asynciterable",
    "es2018.promise",
    "es2018.regexp",
    "es2019.array",
    "es2019.object",
    "es2019.string",
    "es2019.symbol",
    "es2020.bigint",
    "es2020.date",
    "es2020.number",
    "es2020.promise",
    "es2020.string",
    "es2020.symbol.wellknown",
    "es2021.promise",
    "es2021.string",
    "es2022.array",
    "es2022.error",
    "es2022.object",
    "es2022.regexp",
    "es2022.string",
    "es2023.array",
    "es2023.collection",
    "es2024.arraybuffer",
    "es2024.collection",
    "es2024.object",
    "es2024.promise",
    "es2024.regexp",
    "es2024.string",
    "esnext.array",
    "esnext.collection",
    "esnext.disposable",
    "esnext.error",
    "esnext.float16",
    "esnext.iterator",
    "esnext.promise",
];

/// Those of single capabilities.
fn libraries(capability: Capability) -> &'static [&'static str] {
    match capability {
        Capability::Proxies => &["es2015.proxy"],
        Capability::Reflect => &["es2015.reflect"],
        Capability::WeakReferences => &["es2021.weakref"],
        Capability::SharedMemory => {
            &["es2017.sharedmemory", "es2020.sharedmemory", "es2024.sharedmemory", "esnext.sharedmemory"]
        }
        // What is between them, `es2020.bigint` and its like bring along.
        Capability::Intl => &["es2017.intl", "es2021.intl"],
        _ => &[],
    }
}

/// Ours.
fn declarations(capability: Capability) -> Option<&'static str> {
    match capability {
        Capability::Timers => Some(include_str!("types/timers.d.ts")),
        Capability::Urls => Some(include_str!("types/urls.d.ts")),
        Capability::TextEncoding => Some(include_str!("types/text-encoding.d.ts")),
        Capability::Events => Some(include_str!("types/events.d.ts")),
        Capability::Headers => Some(include_str!("types/headers.d.ts")),
        Capability::Crypto => Some(include_str!("types/crypto.d.ts")),
        Capability::StructuredClone => Some(include_str!("types/structured-clone.d.ts")),
        Capability::Platform => Some(include_str!("types/platform.d.ts")),
        _ => None,
    }
}

impl Policy {
    /// What scripts find under this policy with this host, as a TypeScript declaration file: globals, the host's
    /// operations with their [signatures](isolet_core_traits::HostOperation::signature), and its modules, which may export
    /// anything.
    ///
    /// For TypeScript 5.9 and later. It takes the place of the compiler's own libraries, so that a name that is not there
    /// is an error in the editor.
    pub fn declarations(&self, host: &HostInterface) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let mut text = format!(
            "// What scripts find under the policy {self}. Written by isolet {version}.\n\
             /// <reference no-default-lib=\"true\" />\n"
        );
        let is_there = |capability: &Capability| self.allows(*capability);
        let capabilities: Vec<_> = Capability::ALL.into_iter().filter(is_there).collect();
        for library in LANGUAGE.iter().chain(capabilities.iter().flat_map(|&capability| libraries(capability))) {
            text += &format!("/// <reference lib=\"{library}\" />\n");
        }
        let has_timers = host.namespaces().iter().any(|namespace| namespace.name == TIMERS);
        let ours = capabilities.into_iter().filter(|&capability| capability != Capability::Timers || has_timers);
        for part in [STANDING].into_iter().chain(ours.filter_map(declarations)) {
            text.push('\n');
            declare(part, host, &mut text);
        }
        for namespace in host.namespaces().iter().filter(|namespace| namespace.exposed) {
            text += &format!("\ndeclare const {}: {{\n", namespace.name);
            for operation in &namespace.operations {
                text += &format!("  readonly {}: {};\n", operation.name, operation.signature);
            }
            text += "};\n";
        }
        for module in self.modules().as_slice() {
            text += &format!("\ndeclare module {:?};\n", module.name);
        }
        text
    }
}

/// Adds declarations, but for those of globals whose names the host has taken.
fn declare(part: &str, host: &HostInterface, text: &mut String) {
    let mut is_taken = false;
    for line in part.lines() {
        is_taken = is_taken || declared(line).is_some_and(|name| host.exposes(name));
        if !is_taken {
            text.push_str(line);
            text.push('\n');
        }
        // A declaration ends with the first line that is not indented and has a semicolon at its end.
        is_taken = is_taken && (line.starts_with(' ') || !line.ends_with(';'));
    }
}

/// The global that a line begins to declare.
fn declared(line: &str) -> Option<&str> {
    let rest =
        ["declare var ", "declare const ", "declare function "].iter().find_map(|start| line.strip_prefix(start))?;
    rest.split(|c: char| !c.is_ascii_alphanumeric()).next()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use isolet_core_traits::{HostNamespace, HostOperation};

    use super::*;
    use crate::{HostModules, Profile};

    /// The globals of [`LANGUAGE`], in the order of an inventory.
    const OF_LANGUAGE: &str = "Object Function Error EvalError RangeError ReferenceError SyntaxError TypeError URIError \
        AggregateError SuppressedError Iterator Array parseInt parseFloat isNaN isFinite decodeURI decodeURIComponent \
        encodeURI encodeURIComponent escape unescape Infinity NaN undefined eval Number Boolean String Math Symbol \
        DisposableStack globalThis BigInt Date RegExp JSON Map Set WeakMap WeakSet ArrayBuffer Uint8ClampedArray Int8Array \
        Uint8Array Int16Array Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array Float16Array Float32Array \
        Float64Array DataView Promise AsyncDisposableStack";

    fn host(services: Vec<HostNamespace>) -> HostInterface {
        HostInterface::new(services.into_iter().chain([crate::timers_namespace()]).collect()).expect("valid names")
    }

    fn declared_by(policy: &Policy) -> BTreeSet<String> {
        let text = policy.declarations(&host(Vec::new()));
        let of_libraries =
            text.lines().filter_map(|line| line.strip_prefix("/// <reference lib=\"")?.strip_suffix("\" />"));
        let of_libraries = of_libraries.flat_map(|library| match library {
            "es5" => OF_LANGUAGE.split_whitespace().collect(),
            library => {
                let is_of = |capability: &Capability| libraries(*capability).first() == Some(&library);
                let capability = Capability::ALL.into_iter().find(is_of);
                capability.map_or(Vec::new(), |capability| capability.globals().to_vec())
            }
        });
        text.lines().filter_map(declared).chain(of_libraries).map(str::to_owned).collect()
    }

    /// What is reachable, by the line of an inventory that lists the global object's properties.
    fn pinned(inventory: &str) -> BTreeSet<String> {
        let line = inventory.lines().find_map(|line| line.trim_start_matches("+ ").strip_prefix("globalThis: "));
        let keys = line.expect("a line of the global object").split(", ").map(|key| key.split([' ', '!']).next());
        let keys = keys.flatten().filter(|key| !key.starts_with("@@")).map(str::to_owned);
        keys.chain(["input", "context"].map(str::to_owned)).collect()
    }

    #[test]
    fn what_is_declared_is_what_is_there() {
        let standard = include_str!("../tests/inventory/standard.txt");
        for (profile, inventory) in [
            (Profile::Standard, standard),
            (Profile::Strict, include_str!("../tests/inventory/strict.txt")),
            (Profile::Trusted, standard),
        ] {
            assert_eq!(declared_by(&Policy::of(profile)), pinned(inventory), "{}", profile.name());
        }
    }

    #[test]
    fn each_capability_has_its_declarations() {
        for capability in Capability::ALL.into_iter().filter(|capability| !capability.globals().is_empty()) {
            let (with, without) = (Policy::new(), Policy::new().without(capability));
            let missing: BTreeSet<_> = &declared_by(&with) - &declared_by(&without);
            let expected = capability.globals().iter().map(|&global| global.to_owned());
            assert_eq!(missing, expected.collect(), "{}", capability.name());
        }
    }

    #[test]
    fn the_host_is_declared() {
        let lookup =
            HostOperation { signature: "(id: number) => Promise<string>".into(), ..HostOperation::new("lookup") };
        let crm = HostNamespace { name: "crm".into(), exposed: true, operations: vec![lookup] };
        let performance =
            HostNamespace { name: "performance".into(), exposed: true, operations: vec![HostOperation::new("review")] };
        let modules = HostModules::new().with("@acme/tax", "export default 1").expect("a module");
        let text = Policy::new().with_modules(modules).declarations(&host(vec![crm, performance]));
        assert!(text.ends_with(
            "\n\ndeclare const crm: {\n  readonly lookup: (id: number) => Promise<string>;\n};\n\
             \ndeclare const performance: {\n  readonly review: (...args: unknown[]) => Promise<unknown>;\n};\n\
             \ndeclare module \"@acme/tax\";\n"
        ));
        let names: Vec<_> = text.lines().filter_map(declared).filter(|name| *name == "performance").collect();
        assert_eq!(names.len(), 1, "the host's comes first");
        assert!(!text.contains('$'), "what no script sees is not declared");
    }
}
