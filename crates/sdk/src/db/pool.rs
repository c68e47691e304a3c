//! Connections of many tenants: few in use at once, few of one tenant, and those that stand by kept by last use.
//!
//! ```text
//! lease(tenant) ─ tenant's permit ─ everybody's permit ─▶ Lease { connection from stand-by, or none }
//! Lease::give_back(connection) ─▶ stands by ─▶ closed after idle_max, or when it is one too many
//! ```
//!
//! A lease that is dropped gives nothing back: its connection is closed by whoever holds it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use isolet_core_traits::{HostFailure, TenantId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::failure;
use super::limits::DbLimits;

/// The connections of a backend. `C` closes when it is dropped, on a thread where it may block.
pub(super) struct Pool<C>(Arc<Inner<C>>);

impl<C> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<C> {
    permits: Arc<Semaphore>,
    tenants: Mutex<HashMap<TenantId, Weak<Tenant>>>,
    standing_by: Mutex<StandingBy<C>>,
    limits: DbLimits,
}

struct StandingBy<C> {
    /// The one that was used last is at the end.
    connections: VecDeque<(TenantId, C, Instant)>,
    is_swept: bool,
}

/// What connections of a tenant share.
pub(super) struct Tenant {
    permits: Arc<Semaphore>,
    /// Held by who writes, where there can be one writer.
    #[cfg(feature = "db-sqlite")]
    pub(super) writer: Arc<tokio::sync::Mutex<()>>,
}

/// The right to one connection.
pub(super) struct Lease<C: Send + 'static> {
    pool: Pool<C>,
    id: TenantId,
    #[cfg_attr(not(feature = "db-sqlite"), expect(dead_code, reason = "it keeps the tenant's bounds"))]
    pub(super) tenant: Arc<Tenant>,
    _permits: [OwnedSemaphorePermit; 2],
}

impl<C: Send + 'static> Pool<C> {
    pub(super) fn new(limits: DbLimits) -> Self {
        let standing_by = Mutex::new(StandingBy { connections: VecDeque::new(), is_swept: false });
        let permits = Arc::new(Semaphore::new(limits.connections_max));
        Self(Arc::new(Inner { permits, tenants: Mutex::default(), standing_by, limits }))
    }

    /// Waits for the right to a connection, and gives one that stood by, if there is one.
    pub(super) async fn lease(&self, id: &TenantId) -> Result<(Lease<C>, Option<C>), HostFailure> {
        let tenant = self.tenant(id);
        let permits = async {
            let of_tenant = tenant.permits.clone().acquire_owned().await.expect("it is never closed");
            [of_tenant, self.0.permits.clone().acquire_owned().await.expect("it is never closed")]
        };
        let permits = timeout(self.0.limits.wait_max, permits).await;
        let permits = permits.map_err(|_| failure::busy("no connection became free"))?;
        Ok((Lease { pool: self.clone(), id: id.clone(), tenant, _permits: permits }, self.take(id)))
    }

    fn tenant(&self, id: &TenantId) -> Arc<Tenant> {
        let mut tenants = self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tenant) = tenants.get(id).and_then(Weak::upgrade) {
            return tenant;
        }
        if tenants.len() == tenants.capacity() {
            tenants.retain(|_, tenant| tenant.strong_count() > 0);
        }
        let tenant = Arc::new(Tenant {
            permits: Arc::new(Semaphore::new(self.0.limits.tenant_connections_max)),
            #[cfg(feature = "db-sqlite")]
            writer: Arc::default(),
        });
        tenants.insert(id.clone(), Arc::downgrade(&tenant));
        tenant
    }

    /// The tenant's connection that was used last.
    fn take(&self, id: &TenantId) -> Option<C> {
        let mut standing_by = self.0.standing_by.lock().unwrap_or_else(PoisonError::into_inner);
        let at = standing_by.connections.iter().rposition(|(of, ..)| of == id)?;
        standing_by.connections.remove(at).map(|(_, connection, _)| connection)
    }

    fn put(&self, id: TenantId, connection: C) {
        let mut standing_by = self.0.standing_by.lock().unwrap_or_else(PoisonError::into_inner);
        standing_by.connections.push_back((id, connection, Instant::now()));
        let over = standing_by.connections.len() > self.0.limits.connections_max;
        let one_too_many = if over { standing_by.connections.pop_front() } else { None };
        let begins_sweep = !std::mem::replace(&mut standing_by.is_swept, true);
        drop(standing_by);
        close(one_too_many.into_iter().collect());
        if begins_sweep {
            tokio::spawn(sweep(Arc::downgrade(&self.0), self.0.limits.idle_max));
        }
    }
}

impl<C: Send + 'static> Lease<C> {
    /// Lets a clean connection stand by for the next one.
    pub(super) fn give_back(&self, connection: C) {
        self.pool.put(self.id.clone(), connection);
    }
}

/// Closes what stood by for too long, until nothing stands by or the pool is gone.
async fn sweep<C: Send + 'static>(pool: Weak<Inner<C>>, idle_max: Duration) {
    let mut wait = idle_max;
    loop {
        tokio::time::sleep(wait).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut standing_by = pool.standing_by.lock().unwrap_or_else(PoisonError::into_inner);
        let count = standing_by.connections.partition_point(|(.., since)| since.elapsed() >= idle_max);
        let old = standing_by.connections.drain(..count).collect();
        let first = standing_by.connections.front().map(|(.., since)| *since);
        standing_by.is_swept = first.is_some();
        drop(standing_by);
        close(old);
        let Some(first) = first else { return };
        wait = idle_max.saturating_sub(first.elapsed());
    }
}

fn close<C: Send + 'static>(connections: Vec<(TenantId, C, Instant)>) {
    if !connections.is_empty() {
        tokio::task::spawn_blocking(move || drop(connections));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> DbLimits {
        DbLimits { connections_max: 2, tenant_connections_max: 1, ..DbLimits::default() }
    }

    fn id(name: &str) -> TenantId {
        TenantId::new(name).expect("a name")
    }

    #[tokio::test(start_paused = true)]
    async fn connections_stand_by_for_their_tenant_alone_and_not_for_long() {
        let pool = Pool::new(limits());
        let (lease, found) = pool.lease(&id("a")).await.expect("it is free");
        assert_eq!(found, None);
        lease.give_back(1);
        drop(lease);
        assert_eq!(pool.lease(&id("b")).await.expect("it is free").1, None);
        let (lease, found) = pool.lease(&id("a")).await.expect("it is free");
        assert_eq!(found, Some(1));
        lease.give_back(1);
        drop(lease);
        tokio::time::sleep(limits().idle_max + Duration::from_millis(10)).await;
        assert_eq!(pool.lease(&id("a")).await.expect("it is free").1, None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_used_least_recently_goes_first() {
        let pool = Pool::new(limits());
        for (name, connection) in [("a", 1), ("b", 2), ("c", 3)] {
            pool.lease(&id(name)).await.expect("it is free").0.give_back(connection);
        }
        let mut found = Vec::new();
        for name in ["a", "b", "c"] {
            found.push(pool.lease(&id(name)).await.expect("it is free").1);
        }
        assert_eq!(found, [None, Some(2), Some(3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_too_long_is_told() {
        let pool = Pool::<u32>::new(limits());
        let (held, _) = pool.lease(&id("a")).await.expect("it is free");
        let failure = pool.lease(&id("a")).await.err().expect("its tenant has it");
        assert_eq!(failure.message, "the database is busy: no connection became free");
        let (_other, _) = pool.lease(&id("b")).await.expect("it is another tenant's");
        assert!(pool.lease(&id("c")).await.is_err(), "two are in use");
        drop(held);
        assert!(pool.lease(&id("c")).await.is_ok());
    }
}
