//! Reading keys and passwords from where the configuration says they are. The types are the core's.

use std::path::{Path, PathBuf};

use rust_i18n::t;
use secrecy::zeroize::Zeroizing;

pub use rosterd_core::secret::{Secret, SecretRef};

use crate::access::{AccessError, read_guarded};
use crate::env::Env;

/// No key is longer.
const LONGEST: u64 = 64 << 10;
/// Where systemd puts a service's credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Why there is no secret. Says where it was looked for, never what was found.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// `env:NAME` names a variable that is not set, or empty.
    #[error("{}", t!("secret.no_variable", name = name))]
    NoVariable {
        /// The variable.
        name: String,
    },
    /// `credential:NAME` outside a service.
    #[error("{}", t!("secret.no_credentials", name = name))]
    NoCredentials {
        /// The credential.
        name: String,
    },
    /// The file cannot or may not be read.
    #[error("{0}")]
    File(#[from] AccessError),
    /// The file's first line is empty.
    #[error("{}", t!("secret.empty", path = path.display()))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file's first line is not UTF-8, or holds control characters.
    #[error("{}", t!("secret.not_text", path = path.display()))]
    NotText {
        /// The file.
        path: PathBuf,
    },
}

impl SecretError {
    /// What to do now.
    pub fn next(&self) -> String {
        match self {
            Self::NoVariable { name } => t!("secret.next.variable", name = name),
            Self::NoCredentials { name } => t!("secret.next.credentials", name = name),
            Self::File(_) | Self::Empty { .. } | Self::NotText { .. } => t!("secret.next.file"),
        }
        .into_owned()
    }
}

/// Reading what a [`SecretRef`] names.
pub trait ReadSecret {
    /// Reads the secret. Relative paths begin at `base`, the configuration's folder.
    fn read(&self, base: &Path, env: &Env) -> Result<Secret, SecretError>;
}

impl ReadSecret for SecretRef {
    fn read(&self, base: &Path, env: &Env) -> Result<Secret, SecretError> {
        match self {
            Self::Env(name) => match env.get(name) {
                Some(value) if !value.is_empty() => Ok(Secret::new(value.to_owned())),
                _ => Err(SecretError::NoVariable { name: name.clone() }),
            },
            Self::File(path) => first_line(&base.join(path)),
            Self::Credential(name) => match env.get(CREDENTIALS).filter(|folder| !folder.is_empty()) {
                Some(folder) => first_line(&Path::new(folder).join(name)),
                None => Err(SecretError::NoCredentials { name: name.clone() }),
            },
        }
    }
}

fn first_line(path: &Path) -> Result<Secret, SecretError> {
    let read = read_guarded(path, LONGEST)?;
    let bytes = Zeroizing::new(read.bytes);
    if read.group_writable || read.world_readable {
        tracing::warn!(path = %path.display(), "key file is readable by everybody or writable by its group; use mode 0600");
    }
    let not_text = || SecretError::NotText { path: path.to_owned() };
    let text = std::str::from_utf8(&bytes).map_err(|_| not_text())?;
    // Editors on Windows put a mark in front that nobody sees, and end lines with two characters.
    let line = text.strip_prefix('\u{feff}').unwrap_or(text).lines().next().unwrap_or_default();
    match line {
        "" => Err(SecretError::Empty { path: path.to_owned() }),
        line if line.contains(char::is_control) => Err(not_text()),
        line => Ok(Secret::new(line.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(content: &[u8], mode: u32) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        dir
    }

    fn file(dir: &tempfile::TempDir) -> Result<String, SecretError> {
        let read = SecretRef::File("key".into()).read(dir.path(), &Env::default())?;
        Ok(read.expose().to_owned())
    }

    #[test]
    fn a_file_gives_its_first_line_and_nothing_else() {
        for content in ["s3cret", "s3cret\n", "s3cret\r\n", "s3cret\nold one\n", "\u{feff}s3cret\n"] {
            assert_eq!(file(&folder(content.as_bytes(), 0o600)).unwrap(), "s3cret", "{content:?}");
        }
        assert_eq!(file(&folder(b" with blanks \n", 0o600)).unwrap(), " with blanks ");
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_without_showing_it() {
        assert!(matches!(file(&folder(b"\ns3cret", 0o600)), Err(SecretError::Empty { .. })));
        assert!(matches!(file(&folder(b"", 0o600)), Err(SecretError::Empty { .. })));
        for content in [b"s3cret\xff".as_slice(), b"s3cret\0\n"] {
            let error = file(&folder(content, 0o600)).unwrap_err();
            assert!(matches!(error, SecretError::NotText { .. }));
            assert!(!format!("{error} {error:?} {}", error.next()).contains("s3cret"));
        }
        let writable = file(&folder(b"s3cret", 0o602)).unwrap_err();
        assert!(matches!(writable, SecretError::File(AccessError::Writable { .. })));
    }

    #[test]
    fn credentials_come_from_the_folder_that_systemd_names() {
        let dir = folder(b"s3cret\n", 0o400);
        let env: Env = [(CREDENTIALS, dir.path().to_string_lossy())].into_iter().collect();
        let reference = SecretRef::try_from("credential:key".to_owned()).unwrap();
        assert_eq!(reference.read(Path::new("/nowhere"), &env).unwrap().expose(), "s3cret");
        let outside = reference.read(dir.path(), &Env::default());
        assert!(matches!(outside, Err(SecretError::NoCredentials { .. })));
    }

    #[test]
    fn variables_are_taken_whole_and_must_not_be_empty() {
        let env: Env = [("KEY", "a b\n"), ("NONE", "")].into_iter().collect();
        let read = |name: &str| SecretRef::Env(name.into()).read(Path::new("/"), &env);
        assert_eq!(read("KEY").unwrap().expose(), "a b\n");
        assert!(matches!(read("NONE"), Err(SecretError::NoVariable { .. })));
        assert!(matches!(read("ABSENT"), Err(SecretError::NoVariable { .. })));
        assert_eq!(format!("{env:?}"), "{\"KEY\", \"NONE\"}", "values are not shown");
    }

    #[test]
    fn a_literal_and_a_way_out_of_the_folder_are_refused() {
        for text in ["hunter2", "env:", "file:", "credential:../x", "credential:..", "vault:x"] {
            let error = SecretRef::try_from(text.to_owned()).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
