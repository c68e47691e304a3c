//! What cargo knows of the workspace.

use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::semver::Version;
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand, Package};

/// The workspace that holds the current directory.
pub(crate) struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    /// Asks cargo, with every feature on, so that optional dependencies are seen as well.
    ///
    /// Fails if `Cargo.lock` does not fit the manifests.
    pub(crate) fn load() -> Result<Self> {
        let metadata = MetadataCommand::new()
            .features(CargoOpt::AllFeatures)
            .other_options(["--locked".to_owned()])
            .exec()
            .context("failed to read the workspace")?;
        Ok(Self { metadata })
    }

    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The workspace's own packages, by name.
    pub(crate) fn members(&self) -> Vec<&Package> {
        let mut members = self.metadata.workspace_packages();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        members
    }

    /// The newest `rust-version` that a member promises to build with.
    pub(crate) fn rust_version(&self) -> Option<&Version> {
        self.members().into_iter().filter_map(|package| package.rust_version.as_ref()).max()
    }
}

/// Whether `cargo publish` would take the package.
pub(crate) fn is_published(package: &Package) -> bool {
    package.publish.as_ref() != Some(&Vec::new())
}

/// Whether others can depend on the package.
pub(crate) fn is_library(package: &Package) -> bool {
    package.targets.iter().any(|target| target.is_lib())
}
