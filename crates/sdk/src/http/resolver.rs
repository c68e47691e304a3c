//! Names to addresses, of which connections get the permitted ones only.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::address::is_public;

/// Finds out the addresses of a name.
///
/// What it gives is checked: connections go to public addresses, and to those that the run's permissions name.
pub trait Resolver: Send + Sync + 'static {
    /// The addresses of `name`. Called on a thread that may block, by each tenant at most so often at once as
    /// [`HttpLimits::lookups`](super::HttpLimits::lookups) says.
    ///
    /// # Errors
    /// Whatever keeps it from knowing. Scripts are told that there was an error, and not which.
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// A name resolves to no address that is permitted.
#[derive(Debug, thiserror::Error)]
#[error("the name resolves to no permitted address")]
pub(super) struct NotPermitted;

/// A name does not resolve.
#[derive(Debug, thiserror::Error)]
#[error("the name does not resolve")]
pub(super) struct Unresolved;

/// The resolver of one client: it gives what is public, and what was permitted besides.
pub(super) struct Checked {
    pub(super) resolver: Arc<dyn Resolver>,
    /// Addresses that are permitted although they are not public.
    pub(super) permitted: Vec<IpAddr>,
    /// The tenant's. A lookup cannot be ended: it holds its permit until it ends by itself.
    pub(super) lookups: Arc<Semaphore>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, lookups) = (self.resolver.clone(), self.lookups.clone());
        let permitted = self.permitted.clone();
        Box::pin(async move {
            let permit = lookups.acquire_owned().await?;
            let lookup = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                resolver.resolve(name.as_str())
            });
            let addresses = lookup.await?.map_err(|_| Unresolved)?;
            if addresses.is_empty() {
                return Err(Unresolved.into());
            }
            let may_be_reached = |address: &IpAddr| is_public(*address) || permitted.contains(&address.to_canonical());
            let addresses: Vec<_> = addresses.into_iter().filter(may_be_reached).collect();
            if addresses.is_empty() {
                return Err(NotPermitted.into());
            }
            // Port 0 stands for the URL's.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
