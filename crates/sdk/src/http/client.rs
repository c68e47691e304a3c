//! Clients, each with connections of its own.
//!
//! A connection is used again only for the same tenant, scheme, host, port and [permitted](Target::addresses) addresses:
//! so whoever gets one may reach what it leads to, and nobody sees when another tenant has used it.

use std::net::IpAddr;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use isolet_core_traits::{HostFailure, TenantId};
use lru::LruCache;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, retry};
use tokio::sync::Semaphore;

use super::failure::{self, Code};
use super::resolver::{Checked, Resolver};
use super::service::HttpLimits;
use super::target::Target;
use crate::tls::Tls;

/// Connections that wait for a next request, of one client.
const IDLE_CONNECTIONS_MAX: usize = 4;
/// For how long they wait.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// The clients that were used last.
pub(super) struct Clients {
    resolver: Arc<dyn Resolver>,
    tls: Tls,
    limits: HttpLimits,
    tenants: Mutex<LruCache<TenantId, Tenant>>,
}

struct Tenant {
    lookups: Arc<Semaphore>,
    clients: LruCache<Key, Client>,
}

/// What a client serves, of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    is_secure: bool,
    host: String,
    port: u16,
    permitted: Vec<IpAddr>,
}

impl Clients {
    pub(super) fn new(resolver: Arc<dyn Resolver>, tls: Tls, limits: HttpLimits) -> Self {
        let tenants = Mutex::new(LruCache::new(at_least_one(limits.tenants_max)));
        Self { resolver, tls, limits, tenants }
    }

    /// The client of a tenant for a target.
    pub(super) async fn client(&self, tenant: &TenantId, target: &Target) -> Result<Client, HostFailure> {
        let key = Key {
            is_secure: target.url.scheme() == "https",
            host: target.host.clone(),
            port: target.port,
            permitted: target.addresses.clone(),
        };
        let known = self.with(tenant, |tenant| tenant.clients.get(&key).cloned());
        if let Some(client) = known {
            return Ok(client);
        }
        let tls = if key.is_secure { self.tls.secure().await } else { self.tls.none() };
        let tls = tls.map_err(|_| failure::failed(Code::Tls, "the host is not set up for secure connections"))?;
        let builder = builder().tls_backend_preconfigured(tls).https_only(key.is_secure);
        self.with(tenant, |tenant| {
            // Another call may have been quicker.
            if let Some(client) = tenant.clients.get(&key) {
                return Ok(client.clone());
            }
            let (resolver, lookups) = (self.resolver.clone(), tenant.lookups.clone());
            let checked = Checked { resolver, permitted: key.permitted.clone(), lookups };
            let client = builder.dns_resolver(checked).build();
            let client = client.map_err(|_| failure::failed(Code::Connect, "the host could not make a client"))?;
            tenant.clients.put(key.clone(), client.clone());
            Ok(client)
        })
    }

    fn with<T>(&self, tenant: &TenantId, step: impl FnOnce(&mut Tenant) -> T) -> T {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let tenant = tenants.get_or_insert_mut(tenant.clone(), || Tenant {
            lookups: Arc::new(Semaphore::new(self.limits.lookups_max.max(1))),
            clients: LruCache::new(at_least_one(self.limits.origins_max)),
        });
        step(tenant)
    }
}

fn at_least_one(count: usize) -> NonZero<usize> {
    NonZero::new(count).unwrap_or(NonZero::<usize>::MIN)
}

/// Redirects, proxies and the like are not left to the client.
fn builder() -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .retry(retry::never())
        .referer(false)
        .http1_only()
        .user_agent(concat!("isolet/", env!("CARGO_PKG_VERSION")))
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .pool_idle_timeout(IDLE_TIME)
}
