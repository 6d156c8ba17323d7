//! Where new passwords go: a file of its owner's alone, or a file that only an age identity can open. Every step is
//! atomic and on disk before the next one begins. What is written when is decided by `cloud::rotate` and `handout`.
//!
//! A rotation keeps one password. Beside `PATH`, the password in use, there may be `PATH.pending` (about to be sent, or sent with an unknown outcome)
//! and `PATH.kept-N` (of rotation N: might still be, or come, into force). Whatever happens, the password that works is
//! in one of them.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rosterd_core::secret::Secret;
pub use rosterd_core::sink::SinkRef;

/// Why a sink could not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// A file operation failed.
    #[error("{}", rust_i18n::t!("cloud.sink.io", path = path.display(), cause = cause))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Anybody could exchange the file.
    #[error("{}", rust_i18n::t!("cloud.sink.open_folder", path = path.display()))]
    OpenFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The pending file does not hold what rosterd writes.
    #[error("{}", rust_i18n::t!("cloud.sink.odd_pending", path = path.display()))]
    OddPending {
        /// The file.
        path: PathBuf,
    },
    /// The age library refused.
    #[error("{}", rust_i18n::t!("cloud.sink.encrypt", cause = cause))]
    Encrypt {
        /// What it said.
        cause: String,
    },
}

/// What lies in `PATH.pending`.
#[derive(Debug, Clone)]
pub enum Pending {
    /// Nothing.
    None,
    /// A password that can be sent again.
    Readable(Secret),
    /// A password that only the recipient can read.
    Sealed,
}

/// A place for passwords, ready to be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink(SinkRef);

impl From<SinkRef> for Sink {
    fn from(reference: SinkRef) -> Self {
        Self(reference)
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What is wrong with the recipient of a sealed sink, in words; `None` where it can be sealed to, or is not sealed.
pub fn bad_recipient(sink: &SinkRef) -> Option<String> {
    let SinkRef::Age { recipient, .. } = sink else { return None };
    let cause = age::x25519::Recipient::from_str(recipient).err()?;
    Some(rust_i18n::t!("cloud.sink.recipient", cause = cause).into_owned())
}

impl Sink {
    /// The password in use.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The password that is about to be sent, or was sent with an unknown outcome.
    pub fn pending_path(&self) -> PathBuf {
        self.beside("pending")
    }

    /// The password of rotation `id`, which might still be or come into force.
    pub fn kept_path(&self, id: i64) -> PathBuf {
        self.beside(&format!("kept-{id}"))
    }

    /// Writes the pending password and returns the new file's mark. There is none when this fails.
    pub fn write_pending(&self, password: &Secret) -> Result<FileMark, SinkError> {
        let line = Secret::new(format!("{}\n", password.expose()));
        let pending = self.pending_path();
        self.put(&pending, &line)?;
        mark(&pending).map_err(at(&pending))?.ok_or(SinkError::OddPending { path: pending })
    }

    /// Writes a whole file under a name of its own: `passwords.csv` becomes `passwords-17.csv`. Nothing is there when
    /// this fails.
    ///
    /// # Errors
    /// If the folder is open to everybody, or the file cannot be written.
    pub fn write_numbered(&self, number: i64, content: &Secret) -> Result<PathBuf, SinkError> {
        let path = self.numbered_path(number);
        self.put(&path, content)?;
        Ok(path)
    }

    /// Puts a file in its place: whole, private and on disk, or not at all.
    fn put(&self, path: &Path, content: &Secret) -> Result<(), SinkError> {
        self.check_folder()?;
        let temporary = self.beside("tmp");
        let written = match &self.0 {
            SinkRef::File(_) => write_new(&temporary, content.expose().as_bytes()),
            SinkRef::Age { recipient, .. } => write_new(&temporary, &encrypt(recipient, content)?),
        };
        written.and_then(|file| self.hand_over(&file)).map_err(at(&temporary))?;
        fs::rename(&temporary, path).map_err(at(path))?;
        self.sync_folder()
    }

    fn numbered_path(&self, number: i64) -> PathBuf {
        let path = self.path();
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{number}"));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        path.with_file_name(name)
    }

    /// Looks at the pending password; `is_ours` knows one when it sees it.
    pub fn read_pending(&self, is_ours: impl Fn(&str) -> bool) -> Result<Pending, SinkError> {
        let path = self.pending_path();
        let Some(_) = mark(&path).map_err(at(&path))? else {
            return Ok(Pending::None);
        };
        if let SinkRef::Age { .. } = self.0 {
            return Ok(Pending::Sealed);
        }
        let text = Secret::new(fs::read_to_string(&path).map_err(at(&path))?);
        match text.expose().strip_suffix('\n') {
            Some(line) if is_ours(line) => Ok(Pending::Readable(Secret::new(line.to_owned()))),
            _ => Err(SinkError::OddPending { path }),
        }
    }

    /// Makes the pending password the one in use: one rename.
    pub fn promote(&self) -> Result<(), SinkError> {
        fs::rename(self.pending_path(), self.path()).map_err(at(self.path()))?;
        self.sync_folder()
    }

    /// Keeps a second name for the pending password, so that promoting or replacing it does not lose it.
    pub fn keep_pending(&self, id: i64) -> Result<(), SinkError> {
        let kept = self.kept_path(id);
        match fs::hard_link(self.pending_path(), &kept) {
            Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => Err(at(&kept)(cause)),
            _ => self.sync_folder(),
        }
    }

    /// Removes a pending password that was never in force.
    pub fn discard_pending(&self) -> Result<(), SinkError> {
        self.remove(&self.pending_path())
    }

    /// Removes a kept password that cannot come into force any more.
    pub fn discard_kept(&self, id: i64) -> Result<(), SinkError> {
        self.remove(&self.kept_path(id))
    }

    /// The mark of the pending password, if there is one.
    pub fn pending_mark(&self) -> Result<Option<FileMark>, SinkError> {
        let path = self.pending_path();
        mark(&path).map_err(at(&path))
    }

    /// The mark of the password in use, if there is one.
    pub fn current_mark(&self) -> Result<Option<FileMark>, SinkError> {
        mark(self.path()).map_err(at(self.path()))
    }

    /// Takes the lock of this sink, which lasts until the file is dropped. `None`: somebody else has it.
    pub fn lock(&self) -> Result<Option<File>, SinkError> {
        self.check_folder()?;
        let path = self.lock_path();
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(at(&path))?;
        self.hand_over(&file).map_err(at(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(cause)) => Err(at(&path)(cause)),
        }
    }

    /// The lock file.
    pub fn lock_path(&self) -> PathBuf {
        self.beside("lock")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path().as_os_str().to_owned();
        name.push(".");
        name.push(suffix);
        name.into()
    }

    fn remove(&self, path: &Path) -> Result<(), SinkError> {
        match fs::remove_file(path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(at(path)(cause)),
            _ => self.sync_folder(),
        }
    }

    fn folder(&self) -> &Path {
        match self.path().parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    fn check_folder(&self) -> Result<(), SinkError> {
        let folder = self.folder();
        let mode = fs::metadata(folder).map_err(at(folder))?.mode();
        let (others_write, sticky) = (mode & 0o002 != 0, mode & 0o1000 != 0);
        if others_write && !sticky {
            return Err(SinkError::OpenFolder { path: folder.into() });
        }
        Ok(())
    }

    /// What root writes by hand belongs to the folder's owner, so that the service can go on with it.
    fn hand_over(&self, file: &File) -> io::Result<()> {
        let (folder, me) = (fs::metadata(self.folder())?, rustix::process::geteuid().as_raw());
        if me == 0 && folder.uid() != 0 {
            std::os::unix::fs::fchown(file, Some(folder.uid()), Some(folder.gid()))?;
            file.sync_all()?;
        }
        Ok(())
    }

    fn sync_folder(&self) -> Result<(), SinkError> {
        let folder = self.folder();
        File::open(folder).and_then(|f| f.sync_all()).map_err(at(folder))
    }
}

/// Tells a file from every other one on its file system; a rename keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMark {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
}

impl FileMark {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (device, inode) = text.split_once(':')?;
        Some(Self { device: device.parse().ok()?, inode: inode.parse().ok()? })
    }
}

impl fmt::Display for FileMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.device, self.inode)
    }
}

fn mark(path: &Path) -> io::Result<Option<FileMark>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(FileMark { device: found.dev(), inode: found.ino() })),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause),
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> SinkError + use<> {
    let path = path.to_owned();
    move |cause| SinkError::Io { path, cause }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    // A left-over of a crash was never sent: only what was renamed to `pending` is.
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(file)
}

fn encrypt(recipient: &str, line: &Secret) -> Result<Vec<u8>, SinkError> {
    let recipient = age::x25519::Recipient::from_str(recipient)
        .map_err(|cause| SinkError::Encrypt { cause: cause.to_owned() })?;
    age::encrypt(&recipient, line.expose().as_bytes())
        .map_err(|cause| SinkError::Encrypt { cause: cause.to_string() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn is_ours(line: &str) -> bool {
        line.len() >= 8 && !line.contains('\n')
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.into())
    }

    fn file_sink(folder: &Path) -> Sink {
        SinkRef::File(folder.join("oob.txt")).into()
    }

    #[test]
    fn reads_and_writes_its_own_form() {
        let identity = age::x25519::Identity::generate();
        for text in ["file:/a/b c:d".to_owned(), format!("age:{}:/a:b", identity.to_public())] {
            assert_eq!(SinkRef::try_from(text.clone()).map(String::from), Ok(text));
        }
        for bad in ["", "file:", "oob.txt", "age:/a", "env:A"] {
            assert!(SinkRef::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        let nobody = SinkRef::try_from("age:age1xyz:/a".to_owned()).unwrap();
        assert!(bad_recipient(&nobody).is_some());
        let somebody = format!("age:{}:/a", identity.to_public());
        assert_eq!(bad_recipient(&SinkRef::try_from(somebody).unwrap()), None);
    }

    #[test]
    fn a_password_goes_from_pending_to_current_and_nobody_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let sink = file_sink(folder.path());
        assert!(matches!(sink.read_pending(is_ours).unwrap(), Pending::None));
        let mark = sink.write_pending(&secret("tencentV%89")).unwrap();
        let mode = fs::metadata(sink.pending_path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(
            matches!(sink.read_pending(is_ours).unwrap(), Pending::Readable(p) if p.expose() == "tencentV%89")
        );
        assert_eq!(sink.current_mark().unwrap(), None);
        sink.promote().unwrap();
        assert_eq!(sink.current_mark().unwrap(), Some(mark), "a rename keeps the mark");
        assert!(matches!(sink.read_pending(is_ours).unwrap(), Pending::None));
        assert_eq!(fs::read_to_string(sink.path()).unwrap(), "tencentV%89\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_kept_survives_a_promotion() {
        let folder = tempfile::tempdir().unwrap();
        let sink = file_sink(folder.path());
        sink.write_pending(&secret("tencentV%89")).unwrap();
        sink.keep_pending(7).unwrap();
        sink.keep_pending(7).unwrap();
        sink.promote().unwrap();
        sink.write_pending(&secret("other-one#1".replace('-', "").as_str())).unwrap();
        sink.promote().unwrap();
        assert_eq!(fs::read_to_string(sink.kept_path(7)).unwrap(), "tencentV%89\n");
        sink.discard_kept(7).unwrap();
        sink.discard_kept(7).unwrap();
        assert!(!sink.kept_path(7).exists());
    }

    #[test]
    fn an_age_sink_can_be_opened_by_its_recipient_only() {
        let folder = tempfile::tempdir().unwrap();
        let identity = age::x25519::Identity::generate();
        let text = format!("age:{}:{}", identity.to_public(), folder.path().join("oob.age").display());
        let sink = Sink::from(SinkRef::try_from(text).unwrap());
        sink.write_pending(&secret("tencentV%89")).unwrap();
        assert!(matches!(sink.read_pending(is_ours).unwrap(), Pending::Sealed));
        sink.promote().unwrap();
        let bytes = fs::read(sink.path()).unwrap();
        assert!(!bytes.windows(7).any(|w| w == b"tencent"));
        assert_eq!(age::decrypt(&identity, &bytes).unwrap(), b"tencentV%89\n");
    }

    #[test]
    fn whole_files_have_numbers_and_are_their_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let sink = Sink::from(SinkRef::File(folder.path().join("first passwords.csv")));
        let path = sink.write_numbered(17, &secret("a,b\n")).unwrap();
        assert_eq!(path, folder.path().join("first passwords-17.csv"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "a,b\n");
        let identity = age::x25519::Identity::generate();
        let text = format!("age:{}:{}", identity.to_public(), folder.path().join("hand-out").display());
        let path = Sink::from(SinkRef::try_from(text).unwrap()).write_numbered(3, &secret("a,b\n")).unwrap();
        assert_eq!(path, folder.path().join("hand-out-3"));
        assert_eq!(age::decrypt(&identity, &fs::read(&path).unwrap()).unwrap(), b"a,b\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn refuses_a_folder_that_everybody_may_write() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = file_sink(folder.path()).write_pending(&secret("tencentV%89")).unwrap_err();
        assert!(matches!(error, SinkError::OpenFolder { .. }), "{error}");
    }

    #[test]
    fn refuses_a_pending_file_that_it_did_not_write() {
        let folder = tempfile::tempdir().unwrap();
        let sink = file_sink(folder.path());
        for text in ["", "tencentV%89", "two\nlines\n", "short\n"] {
            fs::write(sink.pending_path(), text).unwrap();
            let error = sink.read_pending(is_ours).unwrap_err();
            assert!(matches!(error, SinkError::OddPending { .. }), "{text:?}");
        }
    }

    #[test]
    fn a_failed_write_leaves_nothing_pending() {
        let folder = tempfile::tempdir().unwrap();
        let sink = Sink::from(SinkRef::File(folder.path().join("absent/oob.txt")));
        assert!(sink.write_pending(&secret("tencentV%89")).is_err());
        fs::create_dir(folder.path().join("oob.txt.tmp")).unwrap();
        let sink = file_sink(folder.path());
        assert!(sink.write_pending(&secret("tencentV%89")).is_err());
        assert!(!sink.pending_path().exists());
    }
}
