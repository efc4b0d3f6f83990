//! Group commit: records that are written at the same time share one transaction, and so one flush.

use std::sync::{Mutex, PoisonError};

use connector_core::Result;
use tokio::sync::oneshot;

use super::Record;
use crate::{Store, step};

/// The most records of one transaction.
const MOST: usize = 512;

/// The writers of one process. Who gets the turn writes what all of them have queued, and answers them.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Vec<Waiting>>,
    pub(super) turn: tokio::sync::Mutex<()>,
    #[cfg(test)]
    pub(super) commits: std::sync::atomic::AtomicU64,
}

#[derive(Debug)]
struct Waiting {
    record: Record,
    answer: oneshot::Sender<Result<u64>>,
}

impl Queue {
    /// Writes a record, together with those of others; returns its number once it is durable.
    ///
    /// When the one who writes is cancelled the others queue anew: then a record may be there twice, and
    /// none is missing.
    pub(crate) async fn write(&self, store: &Store, record: &Record) -> Result<u64> {
        loop {
            let (answer, mut answered) = oneshot::channel();
            self.lock().push(Waiting { record: record.clone(), answer });
            let _turn = self.turn.lock().await;
            match answered.try_recv() {
                Ok(done) => return done,
                Err(oneshot::error::TryRecvError::Closed) => continue,
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            let batch = self.take();
            let done = self.commit(store, &batch).await;
            for (offset, waiting) in (0..).zip(batch) {
                // Nobody is there any more when its caller was cancelled meanwhile.
                let _ = waiting.answer.send(done.clone().map(|first| first + offset));
            }
            if let Ok(done) = answered.try_recv() {
                return done;
            }
        }
    }

    /// What is waiting, without that of callers who have gone.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.lock();
        waiting.retain(|it| !it.answer.is_closed());
        let count = waiting.len().min(MOST);
        waiting.drain(..count).collect()
    }

    /// Writes a batch; returns the number of its first record.
    async fn commit(&self, store: &Store, batch: &[Waiting]) -> Result<u64> {
        let begun = store.pool().begin_with("BEGIN IMMEDIATE").await;
        let mut transaction = begun.map_err(|it| store.fault(it))?;
        step::reached();
        let records: Vec<&Record> = batch.iter().map(|it| &it.record).collect();
        let written = store.append(&mut transaction, &records).await?;
        step::reached();
        transaction.commit().await.map_err(|it| store.fault(it))?;
        step::reached();
        #[cfg(test)]
        self.commits.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        store.advance_anchor(&written);
        Ok(written.last() + 1 - batch.len() as u64)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
