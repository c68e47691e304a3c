//! Which world scripts find: a profile and single switches, as data.

use std::fmt;
use std::sync::Arc;

use isolet_core_traits::{Environment, HostInterface, HostModule, Intrinsics, LazyScript, SetupScript};

use crate::console;
use crate::modules::HostModules;
use crate::web::{self, Resolution, TIMERS};

const GLOBALS: SetupScript = SetupScript { name: "globals", source: include_str!("js/globals.js") };
/// Nothing else leads to `Reflect`, and nothing but its constructor makes shared memory, with which `Atomics` goes.
const NO_REFLECT: SetupScript = SetupScript { name: "no-reflect", source: "delete global.Reflect;" };
const NO_SHARED_MEMORY: SetupScript =
    SetupScript { name: "no-shared-memory", source: "delete global.SharedArrayBuffer;\ndelete global.Atomics;" };
const ASSIGNABLE: SetupScript = SetupScript { name: "assignable", source: include_str!("js/assignable.js") };
const FREEZE: SetupScript = SetupScript { name: "freeze", source: include_str!("js/freeze.js") };

/// A set of switches to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// The whole language but what turns text into code, and all web APIs.
    #[default]
    Standard,
    /// Also without proxies and reflection, references that watch the garbage collector, shared memory, and clocks finer
    /// than a millisecond; builtins cannot be changed. What is frozen cannot be made on first use: its VMs take a quarter
    /// more memory.
    Strict,
    /// Everything, `eval` included.
    Trusted,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Strict, Self::Trusted];

    /// `standard`, `strict` or `trusted`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Strict => "strict",
            Self::Trusted => "trusted",
        }
    }

    /// The profile of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    fn allows(self, capability: Capability) -> bool {
        use Capability::{Eval, FineClocks, PatchBuiltins, Proxies, Reflect, SharedMemory, WeakReferences};
        match self {
            Self::Standard => capability != Eval,
            Self::Strict => !matches!(
                capability,
                Eval | FineClocks | PatchBuiltins | Proxies | Reflect | SharedMemory | WeakReferences
            ),
            Self::Trusted => true,
        }
    }
}

/// Something that a policy allows scripts, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Turning text into code: `eval`, `Function` and the constructors that are hidden behind functions.
    Eval,
    /// `Proxy`.
    Proxies,
    /// `Reflect`.
    Reflect,
    /// `WeakRef` and `FinalizationRegistry`.
    WeakReferences,
    /// `SharedArrayBuffer` and `Atomics`.
    SharedMemory,
    /// Changing the objects and functions that are there before a script runs.
    PatchBuiltins,
    /// Clocks that tell a tenth of a millisecond. Without it none tells more than `Date`: a millisecond.
    FineClocks,
    /// `setTimeout` and its like.
    Timers,
    /// `URL` and `URLSearchParams`.
    Urls,
    /// `TextEncoder` and `TextDecoder`.
    TextEncoding,
    /// `Event`, `EventTarget`, `AbortController` and their like.
    Events,
    /// `Headers`.
    Headers,
    /// `crypto`.
    Crypto,
    /// `structuredClone`.
    StructuredClone,
    /// `performance` and `navigator`.
    Platform,
    /// `Intl`, and locales for `toLocaleString` and its like.
    Intl,
}

impl Capability {
    /// All capabilities.
    pub const ALL: [Self; 16] = [
        Self::Eval,
        Self::Proxies,
        Self::Reflect,
        Self::WeakReferences,
        Self::SharedMemory,
        Self::PatchBuiltins,
        Self::FineClocks,
        Self::Timers,
        Self::Urls,
        Self::TextEncoding,
        Self::Events,
        Self::Headers,
        Self::Crypto,
        Self::StructuredClone,
        Self::Platform,
        Self::Intl,
    ];

    /// Its name in settings, for example `shared-memory`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eval => "eval",
            Self::Proxies => "proxies",
            Self::Reflect => "reflect",
            Self::WeakReferences => "weak-references",
            Self::SharedMemory => "shared-memory",
            Self::PatchBuiltins => "patch-builtins",
            Self::FineClocks => "fine-clocks",
            Self::Timers => "timers",
            Self::Urls => "urls",
            Self::TextEncoding => "text-encoding",
            Self::Events => "events",
            Self::Headers => "headers",
            Self::Crypto => "crypto",
            Self::StructuredClone => "structured-clone",
            Self::Platform => "platform",
            Self::Intl => "intl",
        }
    }

    /// The capability of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.name() == name)
    }

    /// The globals that are there only with it.
    pub fn globals(self) -> &'static [&'static str] {
        match self {
            Self::Eval | Self::PatchBuiltins | Self::FineClocks => &[],
            Self::Proxies => &["Proxy"],
            Self::Reflect => &["Reflect"],
            Self::WeakReferences => &["WeakRef", "FinalizationRegistry"],
            Self::SharedMemory => &["SharedArrayBuffer", "Atomics"],
            Self::Timers => &["setTimeout", "setInterval", "clearTimeout", "clearInterval"],
            Self::Urls => &["URL", "URLSearchParams"],
            Self::TextEncoding => &["TextEncoder", "TextDecoder"],
            Self::Events => &["Event", "CustomEvent", "EventTarget", "AbortController", "AbortSignal"],
            Self::Headers => &["Headers"],
            Self::Crypto => &["crypto", "Crypto", "SubtleCrypto", "CryptoKey"],
            Self::StructuredClone => &["structuredClone"],
            Self::Platform => &["performance", "navigator", "Performance", "Navigator"],
            Self::Intl => &["Intl"],
        }
    }

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// What scripts may see and reach: a [`Profile`], with [`Capability`]s switched on or off singly.
///
/// ```
/// use isolet_sandbox::{Capability, Policy, Profile};
///
/// let policy = Policy::of(Profile::Strict).with(Capability::Proxies).without(Capability::Timers);
/// assert!(policy.allows(Capability::Proxies) && !policy.allows(Capability::Eval));
/// assert_eq!(policy.to_string(), "strict+proxies-timers");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    profile: Profile,
    /// A bit for each capability.
    allowed: u32,
    modules: HostModules,
}

impl Default for Policy {
    fn default() -> Self {
        Self::of(Profile::default())
    }
}

impl Policy {
    /// The profile `standard`.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a profile allows.
    pub fn of(profile: Profile) -> Self {
        let allowed = Capability::ALL.into_iter().filter(|&capability| profile.allows(capability));
        Self { profile, allowed: allowed.map(Capability::bit).sum(), modules: HostModules::default() }
    }

    /// Also allows `capability`.
    #[must_use]
    pub fn with(self, capability: Capability) -> Self {
        Self { allowed: self.allowed | capability.bit(), ..self }
    }

    /// Does not allow `capability`.
    #[must_use]
    pub fn without(self, capability: Capability) -> Self {
        Self { allowed: self.allowed & !capability.bit(), ..self }
    }

    /// Allows or forbids `eval` and the like.
    #[must_use]
    pub fn with_eval(self, eval: bool) -> Self {
        if eval { self.with(Capability::Eval) } else { self.without(Capability::Eval) }
    }

    /// Lets scripts import these modules, and no others.
    #[must_use]
    pub fn with_modules(self, modules: HostModules) -> Self {
        Self { modules, ..self }
    }

    /// Whether scripts may use `capability`.
    pub fn allows(&self, capability: Capability) -> bool {
        self.allowed & capability.bit() != 0
    }

    /// The modules that scripts may import.
    pub fn modules(&self) -> &HostModules {
        &self.modules
    }

    /// The profile that it started from.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The environment for VMs under this policy, with the operations of `host`. There are timers only if the host has
    /// [what they need](crate::timers_namespace).
    pub fn environment(&self, host: HostInterface) -> Arc<Environment> {
        let intrinsics = Intrinsics {
            eval: self.allows(Capability::Eval),
            proxies: self.allows(Capability::Proxies),
            weak_references: self.allows(Capability::WeakReferences),
        };
        let lazy = self.lazy(host.namespaces().iter().any(|namespace| namespace.name == TIMERS));
        let setup = self.setup();
        let modules = self.modules.as_slice().to_vec();
        let policy: Arc<str> = self.to_string().into();
        let identity = identity(&policy, intrinsics, &setup, &lazy, &modules);
        let date = (!self.fixes_time_later()).then_some(web::DATE_NATIVE);
        let natives = [console::NATIVE].into_iter().chain(date).collect();
        Arc::new(Environment { intrinsics, natives, host, setup, lazy, modules, policy, identity })
    }

    fn setup(&self) -> Vec<SetupScript> {
        let is_frozen = !self.allows(Capability::PatchBuiltins);
        let mut setup = vec![GLOBALS, web::OWN];
        setup.extend(is_frozen.then_some(ASSIGNABLE));
        setup.push(console::SETUP);
        setup.extend(self.allows(Capability::Intl).then_some(web::LOCALE));
        setup.extend((!self.fixes_time_later()).then_some(web::DATE));
        for (capability, removal) in [(Capability::Reflect, NO_REFLECT), (Capability::SharedMemory, NO_SHARED_MEMORY)] {
            setup.extend((!self.allows(capability)).then_some(removal));
        }
        setup.extend(is_frozen.then_some(FREEZE));
        setup
    }

    /// Whether `Date` can still be replaced, and by what it takes, once the VM is made.
    fn fixes_time_later(&self) -> bool {
        self.allows(Capability::PatchBuiltins) && self.allows(Capability::Reflect)
    }

    fn lazy(&self, has_timers: bool) -> Vec<LazyScript> {
        let resolution = if self.allows(Capability::FineClocks) { Resolution::Fine } else { Resolution::Coarse };
        let of = |capability: Capability, script: LazyScript| self.allows(capability).then_some(script);
        [
            Some(web::common()),
            Some(web::base64()),
            self.fixes_time_later().then(web::date),
            of(Capability::Timers, web::timers()).filter(|_| has_timers),
            of(Capability::StructuredClone, web::clone()),
            of(Capability::Urls, web::url()),
            of(Capability::TextEncoding, web::text()),
            of(Capability::Events, web::events(resolution)),
            of(Capability::Headers, web::headers()),
            of(Capability::Crypto, web::crypto()),
            of(Capability::Platform, web::platform(resolution)),
        ]
        .into_iter()
        .flatten()
        .chain(self.allows(Capability::Intl).then(web::intl).into_iter().flatten())
        .collect()
    }
}

/// `standard`, or a profile with what differs from it: `strict+proxies-timers`.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.profile.name())?;
        for capability in Capability::ALL {
            match (self.profile.allows(capability), self.allows(capability)) {
                (false, true) => write!(f, "+{}", capability.name())?,
                (true, false) => write!(f, "-{}", capability.name())?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// A hash of all that a VM is built from, the host aside.
fn identity(
    policy: &str,
    intrinsics: Intrinsics,
    setup: &[SetupScript],
    lazy: &[LazyScript],
    modules: &[HostModule],
) -> Arc<str> {
    let mut hasher = blake3::Hasher::new();
    let mut part = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    };
    part(&format!("{intrinsics:?}"));
    for script in setup.iter().chain(lazy.iter().map(|lazy| &lazy.script)) {
        part(script.name);
        part(script.source);
    }
    for module in modules {
        part(&module.name);
        part(&module.source);
    }
    // What natives do is not in the scripts that use them.
    part(policy);
    part(env!("CARGO_PKG_VERSION"));
    hasher.finalize().to_hex()[..32].into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use isolet_core_traits::{HostNamespace, HostOperation};

    use super::*;

    /// Globals that no capability takes away.
    const EVERYWHERE: [&str; 3] = ["atob", "btoa", "queueMicrotask"];

    fn host() -> HostInterface {
        let crm = HostNamespace { name: "crm".into(), exposed: true, operations: vec![HostOperation::new("lookup")] };
        HostInterface::new(vec![crm, crate::timers_namespace()]).expect("valid names")
    }

    #[test]
    fn an_environment_follows_its_policy() {
        for (policy, name, setup) in [
            (Policy::default(), "standard", &["globals", "own", "console", "locale"][..]),
            (Policy::new().with_eval(true), "standard+eval", &["globals", "own", "console", "locale"]),
            (Policy::new().with_eval(true).with_eval(false), "standard", &["globals", "own", "console", "locale"]),
            (Policy::of(Profile::Trusted), "trusted", &["globals", "own", "console", "locale"]),
            (
                Policy::of(Profile::Strict),
                "strict",
                &[
                    "globals",
                    "own",
                    "assignable",
                    "console",
                    "locale",
                    "fixed-time",
                    "no-reflect",
                    "no-shared-memory",
                    "freeze",
                ],
            ),
            (
                Policy::new().without(Capability::SharedMemory),
                "standard-shared-memory",
                &["globals", "own", "console", "locale", "no-shared-memory"],
            ),
        ] {
            let environment = policy.environment(host());
            assert_eq!(policy.to_string(), name);
            assert_eq!(environment.intrinsics.eval, policy.allows(Capability::Eval));
            assert_eq!(environment.host.namespaces()[0].name, "crm");
            let names: Vec<_> = environment.setup.iter().map(|script| script.name).collect();
            assert_eq!(names, setup, "{name}");
        }
    }

    #[test]
    fn every_switch_changes_the_identity() {
        let mut identities = HashSet::new();
        for profile in Profile::ALL {
            let policy = Policy::of(profile);
            assert_eq!(Profile::named(profile.name()), Some(profile));
            assert_eq!(policy.environment(host()).identity, policy.environment(host()).identity);
            identities.insert(policy.environment(host()).identity.clone());
            for capability in Capability::ALL {
                assert_eq!(Capability::named(capability.name()), Some(capability));
                let changed = match policy.allows(capability) {
                    true => policy.clone().without(capability),
                    false => policy.clone().with(capability),
                };
                assert!(identities.insert(changed.environment(host()).identity.clone()), "{changed}");
            }
        }
    }

    #[test]
    fn globals_are_where_their_capability_is() {
        let listed: HashSet<_> = Capability::ALL.iter().flat_map(|capability| capability.globals()).collect();
        let environment = Policy::new().environment(host());
        for global in environment.lazy.iter().flat_map(|lazy| lazy.globals) {
            assert!(listed.contains(global) || EVERYWHERE.contains(global), "{global}");
        }
        let bare = Capability::ALL.into_iter().fold(Policy::new(), Policy::without).environment(host());
        let of_bare = bare.lazy.iter().flat_map(|lazy| lazy.globals);
        assert_eq!(of_bare.copied().collect::<Vec<_>>(), EVERYWHERE[..2]);
        let without_host = Policy::new().environment(HostInterface::default());
        assert!(!without_host.lazy.iter().any(|lazy| lazy.globals.contains(&"setTimeout")));
    }

    /// A setup script reaches natives as `native.NAME`: a native that no script names, or the reverse, is a mistake.
    #[test]
    fn natives_and_setup_scripts_fit_together() {
        let environment = Policy::new().environment(host());
        let standing: String = environment.setup.iter().map(|script| script.source).collect();
        let lazy = environment.lazy.iter().map(|lazy| (lazy.script.source, &lazy.natives));
        for (source, natives) in lazy.chain([(standing.as_str(), &environment.natives)]) {
            let used: HashSet<_> = source
                .match_indices("native.")
                .map(|(at, found)| &source[at + found.len()..])
                .map(|rest| &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len())])
                .collect();
            let there: HashSet<_> = natives.iter().map(|native| native.name).collect();
            assert_eq!(used, there);
        }
    }
}
