//! Giving up records that are too old or too many.

use std::sync::Weak;

use isolet_core_traits::TenantId;

use super::RecordsConfig;
use super::queue::Queue;
use crate::database::{Database, read, write};
use crate::error::message;
use crate::time::now_ms;

/// Records that go in one transaction: writers wait for it.
const AT_ONCE: i64 = 500;

/// Looks for such records now and then, for as long as records are written.
pub(super) async fn keep(database: Database, config: RecordsConfig, queue: Weak<Queue>) {
    loop {
        tokio::time::sleep(config.prune_every).await;
        let Some(queue) = queue.upgrade().filter(|queue| !queue.is_closed()) else { return };
        let tenants = queue.take_tenants();
        drop(queue);
        if let Err(error) = prune(&database, &config, tenants).await {
            tracing::warn!(target: "isolet", "old records could not be given up: {}", message(&error));
        }
    }
}

async fn prune(
    database: &Database,
    config: &RecordsConfig,
    tenants: impl IntoIterator<Item = TenantId>,
) -> Result<(), sqlx::Error> {
    const OLD: &str = "DELETE FROM isolet_records WHERE number IN \
         (SELECT number FROM isolet_records WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)";
    const LAST_KEPT: &str = "SELECT at_ms, number FROM isolet_records WHERE tenant = $1 \
         ORDER BY at_ms DESC, number DESC LIMIT 1 OFFSET $2";
    const SURPLUS: &str = "DELETE FROM isolet_records WHERE number IN \
         (SELECT number FROM isolet_records WHERE tenant = $1 AND (at_ms, number) <= ($2, $3) \
         ORDER BY at_ms, number LIMIT $4)";
    let kept_ms = i64::try_from(config.kept_for.as_millis()).unwrap_or(i64::MAX);
    let before = now_ms().saturating_sub(kept_ms);
    loop {
        let gone = write!(database, transaction => {
            sqlx::query(OLD).bind(before).bind(AT_ONCE).execute(&mut *transaction).await?.rows_affected()
        });
        if gone < AT_ONCE.unsigned_abs() {
            break;
        }
    }
    let per_tenant_max = i64::try_from(config.per_tenant_max).unwrap_or(i64::MAX);
    for tenant in tenants {
        let surplus: Option<(i64, i64)> = read!(database, from => {
            sqlx::query_as(LAST_KEPT).bind(tenant.as_str()).bind(per_tenant_max).fetch_optional(from).await?
        });
        let Some((at_ms, number)) = surplus else { continue };
        loop {
            let gone = write!(database, transaction => {
                let query = sqlx::query(SURPLUS).bind(tenant.as_str()).bind(at_ms).bind(number).bind(AT_ONCE);
                query.execute(&mut *transaction).await?.rows_affected()
            });
            if gone < AT_ONCE.unsigned_abs() {
                break;
            }
        }
    }
    Ok(())
}
