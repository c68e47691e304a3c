//! Which world scripts find.

use std::sync::Arc;

use isolet_core_traits::{Environment, HostInterface, SetupScript};

use crate::console;

const GLOBALS: SetupScript = SetupScript { name: "globals", source: include_str!("js/globals.js") };

/// What scripts may see and reach. The default allows the least.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Policy {
    /// Whether scripts may turn text into code: `eval`, `Function` and its hidden relatives.
    pub eval: bool,
}

impl Policy {
    /// The language, `self`, `console` and what the host offers; nothing that turns text into code.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows or forbids `eval` and the like.
    pub fn with_eval(self, eval: bool) -> Self {
        Self { eval, ..self }
    }

    /// A name for logs and reports: `default`, or `eval` if that is allowed.
    pub fn name(&self) -> &'static str {
        if self.eval { "eval" } else { "default" }
    }

    /// The environment for VMs under this policy, with the operations of `host`.
    pub fn environment(&self, host: HostInterface) -> Arc<Environment> {
        Arc::new(Environment {
            eval: self.eval,
            natives: vec![console::NATIVE],
            host,
            setup: vec![GLOBALS, console::SETUP],
        })
    }
}

#[cfg(test)]
mod tests {
    use isolet_core_traits::{HostNamespace, HostOperation};

    use super::*;

    #[test]
    fn an_environment_follows_its_policy() {
        let namespace =
            HostNamespace { name: "crm".into(), exposed: true, operations: vec![HostOperation::new("lookup")] };
        let host = HostInterface::new(vec![namespace]).expect("valid names");
        for (policy, name, fingerprint) in [
            (Policy::default(), "default", "no-eval"),
            (Policy::new().with_eval(true), "eval", "eval"),
            (Policy::new().with_eval(true).with_eval(false), "default", "no-eval"),
        ] {
            let environment = policy.environment(host.clone());
            assert_eq!((policy.name(), environment.fingerprint()), (name, fingerprint));
            assert_eq!(environment.host.namespaces()[0].name, "crm");
            let names: Vec<_> = environment.setup.iter().map(|script| script.name).collect();
            assert_eq!(names, ["globals", "console"]);
        }
    }

    /// A setup script reaches natives as `native.NAME`: a native that no script names, or the reverse, is a mistake.
    #[test]
    fn natives_and_setup_scripts_fit_together() {
        let environment = Policy::new().environment(HostInterface::default());
        let setup: String = environment.setup.iter().map(|script| script.source).collect();
        let used: Vec<_> = setup
            .match_indices("native.")
            .map(|(at, found)| &setup[at + found.len()..])
            .map(|rest| &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len())])
            .collect();
        for native in &environment.natives {
            assert!(used.contains(&native.name), "{} is used nowhere", native.name);
        }
        for name in used {
            assert!(environment.natives.iter().any(|native| native.name == name), "{name} does not exist");
        }
    }
}
