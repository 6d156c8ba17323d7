//! Power cuts in software. A seed that has them plays on a real file in WAL mode with `synchronous=FULL`. Where its process
//! dies the power fails: what was synced is there, and of what was being written any part may be, torn anywhere. The next
//! process opens that. Copies of the file and its log stand for the disk; SQLite's own promise, that a synced
//! transaction is in the log, is what `tests/it/broken_disk.rs` proves with `strace`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::LabError;
use super::dice::Dice;
use rosterd::store::Store;

/// Where a power cut finds a commit under way.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// Length of the log up to its last synced transaction.
    pub synced: u64,
}

/// A database with its tables and nothing in them: to make it anew takes longer than to play a seed.
static BLANK: OnceLock<Vec<u8>> = OnceLock::new();

/// The disk of one seed.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    number: u64,
    dice: Dice,
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// How long a database's log is now.
pub fn log_length(path: &Path) -> u64 {
    std::fs::metadata(log_of(path)).map_or(0, |meta| meta.len())
}

impl Disk {
    /// A disk of its own for this thread, in memory where the system has a place for that.
    ///
    /// # Errors
    /// If there is no room.
    pub fn new(dice: Dice) -> Result<Self, LabError> {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let thread = format!("{:?}", std::thread::current().id());
        let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
        let folder = place.join(format!("rosterd-simulation-{}-{thread}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, number: 0, dice })
    }

    /// The database as it is now.
    pub fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.db", self.number))
    }

    /// A new database on it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub async fn database(&self) -> Result<Store, LabError> {
        if BLANK.get().is_none() {
            let _ = BLANK.set(self.blank().await?);
        }
        std::fs::write(self.path(), BLANK.get().map(Vec::as_slice).unwrap_or_default())?;
        Ok(Store::open_inline(&self.path()).await?)
    }

    /// The bytes of a database with nothing in it. All seeds begin with the same: how long a log is shows in the traces.
    async fn blank(&self) -> Result<Vec<u8>, LabError> {
        let (made, copy) = (self.folder.join("made.db"), self.folder.join("blank.db"));
        let to = copy.display().to_string();
        let store = Store::open_inline(&made).await?;
        store
            .read("simulation: blank", |c| {
                Box::pin(async move {
                    sqlx::query("VACUUM INTO ?").bind(to).execute(c).await?;
                    Ok(())
                })
            })
            .await?;
        Ok(std::fs::read(copy)?)
    }

    /// The power failed: gives the database as the next process finds it, and what to say of it.
    ///
    /// # Errors
    /// If it cannot be copied or opened.
    pub async fn cut(&mut self, store: Store, cut: Option<Cut>) -> Result<(Store, String), LabError> {
        let from = self.path();
        self.number += 1;
        let to = self.path();
        let log = std::fs::read(log_of(&from)).unwrap_or_default();
        let synced = cut.map_or(log.len(), |cut| usize::try_from(cut.synced).unwrap_or(0).min(log.len()));
        let torn = tear(&log, synced, &mut self.dice);
        let what = format!("{synced} bytes of the log were synced, {} more under way", log.len() - synced);
        std::fs::copy(&from, &to)?;
        std::fs::write(log_of(&to), torn)?;
        drop(store);
        let store = Store::open_inline(&to).await?;
        for left in [log_of(&from), from] {
            let _ = std::fs::remove_file(left);
        }
        Ok((store, what))
    }
}

/// The log as the disk has it: all that was synced; of the rest a piece from the beginning, or sectors here and there, the
/// others empty.
fn tear(log: &[u8], synced: usize, dice: &mut Dice) -> Vec<u8> {
    const SECTOR: usize = 512;
    let (sure, rest) = log.split_at(synced);
    let mut torn = sure.to_vec();
    let below = |dice: &mut Dice, n: usize| usize::try_from(dice.below(n as u64)).unwrap_or(0);
    match dice.below(4) {
        0 => {}
        1 => torn.extend(rest),
        2 => {
            let kept = below(dice, rest.len() + 1);
            torn.extend(rest.iter().take(kept));
        }
        _ => {
            for sector in rest.chunks(SECTOR) {
                match dice.one_in(4) {
                    true => torn.extend(std::iter::repeat_n(0, sector.len())),
                    false => torn.extend(sector),
                }
            }
        }
    }
    torn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_is_always_there() {
        let log: Vec<u8> = (1..=255).cycle().take(5000).collect();
        for seed in 0..200 {
            let torn = tear(&log, 3000, &mut Dice::new(seed));
            assert!(torn.len() <= log.len() && torn[..3000] == log[..3000], "{seed}");
        }
    }
}
