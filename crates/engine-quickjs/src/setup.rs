//! The engine's own setup scripts, which run before those of the environment.

use isolet_core_traits::SetupScript;

/// What the language must not do here, or not in this way.
const REPAIRS: SetupScript = SetupScript { name: "repairs", source: include_str!("setup/repairs.js") };
/// How much one call of a builtin may do where nothing can interrupt it.
const BOUNDS: SetupScript = SetupScript { name: "bounds", source: include_str!("setup/bounds.js") };

/// Those that VMs begin with, in their order.
pub(crate) fn scripts<'a>(kills_in_natives: bool) -> impl Iterator<Item = &'a SetupScript> {
    let bounds = (!kills_in_natives).then_some(&BOUNDS);
    std::iter::once(&REPAIRS).chain(bounds)
}
