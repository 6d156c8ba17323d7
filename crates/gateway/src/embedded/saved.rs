//! A device that outlives the program: every step is appended to a file before the call is answered; from time to time
//! the file is written anew, shorter. Several processes may share one file: each reads what the others appended before
//! it carries out a call, under a lock.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::GatewayError;
use super::device::Device;
use super::layers::Change;

/// A file is written anew when it has more lines than this and than four times what it describes.
const COMPACT_LINES: usize = 2000;

/// The file behind a device.
#[derive(Debug)]
pub(super) struct Saved {
    path: PathBuf,
    lock: File,
    file: File,
    /// How far the file has been read or written, in bytes and lines.
    offset: u64,
    lines: usize,
}

impl Saved {
    /// Opens the file, or begins it with the device as it is.
    pub(super) fn open(path: &Path, device: &mut Device) -> Result<Self, GatewayError> {
        let open = || {
            let lock = private(OpenOptions::new().write(true).create(true)).open(beside(path, "lock"))?;
            lock.lock()?;
            let file = open_file(path)?;
            Ok(Self { path: path.to_owned(), lock, file, offset: 0, lines: 0 })
        };
        let mut saved = open().map_err(|e| failed(path, &e))?;
        device.keep_changes();
        saved.locked(|saved| {
            saved.catch_up(device)?;
            if saved.lines == 0 { saved.append(&[device.whole()]) } else { Ok(()) }
        })?;
        Ok(saved)
    }

    /// Runs `call` on the device as all processes left it, and saves what it changed.
    pub(super) fn with<T>(
        &mut self,
        device: &mut Device,
        call: impl FnOnce(&mut Device) -> T,
    ) -> Result<T, GatewayError> {
        self.lock.lock().map_err(|e| failed(&self.path, &e))?;
        self.locked(|saved| {
            saved.catch_up(device)?;
            let done = call(device);
            let changes = device.take_changes();
            saved.append(&changes)?;
            saved.compact(device)?;
            Ok(done)
        })
    }

    /// Runs `work` and gives the lock back.
    fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> io::Result<T>) -> Result<T, GatewayError> {
        let done = work(self).map_err(|e| failed(&self.path, &e));
        self.lock.unlock().map_err(|e| failed(&self.path, &e))?;
        done
    }

    /// Carries out what others appended; from the start when the file is another one.
    fn catch_up(&mut self, device: &mut Device) -> io::Result<()> {
        let now = std::fs::metadata(&self.path).map(|m| m.ino()).ok();
        if now != Some(self.file.metadata()?.ino()) {
            self.file = open_file(&self.path)?;
            (self.offset, self.lines) = (0, 0);
        }
        if self.file.metadata()?.len() == self.offset {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(self.offset))?;
        let mut reader = BufReader::new(&self.file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            device.replay(serde_json::from_slice(&line)?);
            self.offset += line.len() as u64;
            self.lines += 1;
            line.clear();
        }
        // The rest of a line that a killed process began: that call was never answered.
        self.file.set_len(self.offset)
    }

    fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let text = lines(changes)?;
        self.file.seek(SeekFrom::Start(self.offset))?;
        self.file.write_all(&text)?;
        self.offset += text.len() as u64;
        self.lines += changes.len();
        Ok(())
    }

    fn compact(&mut self, device: &Device) -> io::Result<()> {
        if self.lines <= COMPACT_LINES || self.lines / 4 <= device.stored_size() {
            return Ok(());
        }
        let text = lines(&[device.whole()])?;
        let new = beside(&self.path, "new");
        let mut file = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&new)?;
        file.write_all(&text)?;
        std::fs::rename(&new, &self.path)?;
        self.file = open_file(&self.path)?;
        (self.offset, self.lines) = (text.len() as u64, 1);
        Ok(())
    }
}

fn lines(changes: &[Change]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for change in changes {
        serde_json::to_writer(&mut text, change)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Phone numbers are in these files: for the owner only.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

fn open_file(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().read(true).write(true).create(true)).open(path)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn failed(path: &Path, cause: &io::Error) -> GatewayError {
    GatewayError::Data { path: path.to_owned(), cause: cause.to_string() }
}

#[cfg(test)]
mod tests;
