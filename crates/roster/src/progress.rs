//! How far a reading is: signs of life of the thread that reads, and whoever shows them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::budget;
use super::error::RosterError;

/// Whoever shows progress.
pub type ProgressSink = Arc<dyn Fn(Progress) + Send + Sync>;

/// How far the reading is, over all files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub bytes: u64,
    /// Bytes of all files, as far as they are known.
    pub total: u64,
    /// Rows read.
    pub rows: u64,
}

/// Signs of life of the reading thread, and the sink that shows them.
pub(super) struct Beat {
    bytes: AtomicU64,
    rows: AtomicU64,
    total: AtomicU64,
    /// What the people read so far take, in bytes.
    kept: AtomicU64,
    sink: Option<ProgressSink>,
}

/// Progress is shown each time so many rows have gone by.
const TELL_EVERY: u64 = 5_000;

impl Beat {
    /// No sign yet.
    pub(super) fn new(sink: Option<ProgressSink>) -> Self {
        let zero = || AtomicU64::new(0);
        Self { bytes: zero(), rows: zero(), total: zero(), kept: zero(), sink }
    }

    /// So many bytes are to be read.
    pub(super) fn expect(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    /// Counts bytes.
    pub(super) fn bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts a row and the bytes that it takes. An error when there are more than a roster may have.
    pub(super) fn row(&self, file: &Arc<str>, limit: u64, kept: u64) -> Result<(), RosterError> {
        if self.kept.fetch_add(kept, Ordering::Relaxed) + kept > budget::PEOPLE {
            return Err(RosterError::TooMuch { file: file.clone(), limit: budget::PEOPLE });
        }
        let rows = self.rows.fetch_add(1, Ordering::Relaxed) + 1;
        if rows > limit {
            return Err(RosterError::TooManyRows { file: file.clone(), limit });
        }
        if rows.is_multiple_of(TELL_EVERY) {
            self.tell(rows);
        }
        Ok(())
    }

    fn tell(&self, rows: u64) {
        if let Some(sink) = &self.sink {
            let (bytes, total) = (self.bytes.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
            sink(Progress { bytes, total, rows });
        }
    }

    /// How much was read; a number that grows while anything happens.
    pub(super) fn count(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed) + self.rows.load(Ordering::Relaxed)
    }
}
