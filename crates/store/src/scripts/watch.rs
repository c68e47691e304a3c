//! Learning of changes that other processes made.
//!
//! Each change has the number after the one before it, and is written under the lock of that number: so whoever knows of
//! all up to one number finds the rest by asking for higher ones.

use std::sync::{Arc, Weak};
use std::time::Duration;

use isolet_core_traits::{ScriptId, TenantId};
use sqlx::postgres::PgListener;
use sqlx::{PgPool, Row};
use tokio::sync::Notify;

use super::Scripts;
use crate::database::read;
use crate::error::StoreError;

const CHANNEL: &str = "isolet_scripts";

/// Changes that are read at once.
const CHANGES_MAX: i64 = 1_000;

/// How long a listener that lost its connection waits before it looks for another.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Looks for changes from now on, for as long as there are handles of the store.
pub(super) async fn start(scripts: &Arc<Scripts>) -> Result<(), StoreError> {
    const LAST: &str = "SELECT number FROM isolet_change";
    let at = scripts.now();
    let last =
        scripts.within(async { read!(&scripts.database, from => sqlx::query_scalar(LAST).fetch_one(from).await) });
    let last: i64 = last.await?;
    scripts.current.heard(&[], at);
    let news = Arc::new(Notify::new());
    if let Some(pool) = scripts.database.postgres() {
        tokio::spawn(listen(pool.clone(), news.clone(), Arc::downgrade(scripts)));
    }
    tokio::spawn(watch(Arc::downgrade(scripts), last, scripts.config.poll_every, news));
    Ok(())
}

async fn watch(scripts: Weak<Scripts>, mut last: i64, poll_every: Duration, news: Arc<Notify>) {
    let mut was_heard = true;
    loop {
        // Without listener nobody notifies, and the time limit is the clock.
        let _ = tokio::time::timeout(poll_every, news.notified()).await;
        let Some(scripts) = scripts.upgrade() else { return };
        let heard = scripts.hear(&mut last).await;
        if let (Err(error), true) = (&heard, was_heard) {
            tracing::warn!(target: "isolet", "changes to scripts are not heard of: {error}");
        }
        was_heard = heard.is_ok();
    }
}

/// Wakes the watcher whenever Postgres tells of a change.
async fn listen(pool: PgPool, news: Arc<Notify>, scripts: Weak<Scripts>) {
    while scripts.strong_count() > 0 && !pool.is_closed() {
        if let Ok(mut listener) = listener(&pool).await {
            // It may have missed what came before.
            news.notify_one();
            while scripts.strong_count() > 0 {
                match tokio::time::timeout(LISTEN_AGAIN, listener.recv()).await {
                    Ok(Ok(_)) => news.notify_one(),
                    Ok(Err(_)) => break,
                    Err(_) => {}
                }
            }
        }
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}

async fn listener(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

impl Scripts {
    /// Forgets all that has changed after `last`.
    async fn hear(&self, last: &mut i64) -> Result<(), StoreError> {
        const SELECT: &str =
            "SELECT change, tenant, script FROM isolet_history WHERE change > $1 ORDER BY change LIMIT $2";
        loop {
            let at = self.now();
            let rows: Vec<(i64, String, String)> = self
                .within(async {
                    read!(&self.database, from => {
                        let rows = sqlx::query(SELECT).bind(*last).bind(CHANGES_MAX).fetch_all(from).await?;
                        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
                    })
                })
                .await?;
            let key = |tenant: &str, script: &str| Some((TenantId::new(tenant).ok()?, ScriptId::new(script).ok()?));
            let changes: Vec<_> =
                rows.iter().filter_map(|(change, tenant, script)| Some((key(tenant, script)?, *change))).collect();
            self.current.heard(&changes, at);
            *last = rows.last().map_or(*last, |(change, ..)| *change);
            if rows.len() < CHANGES_MAX as usize {
                return Ok(());
            }
        }
    }
}
