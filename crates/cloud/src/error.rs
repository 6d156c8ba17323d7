//! Everything that can go wrong at this module's border, with a stable word, the next step and the exit code.

use std::fmt;
use std::path::PathBuf;

use super::call::CallError;
use super::password::PasswordError;
use crate::http::HttpError;
use crate::sink::SinkError;
use rosterd_core::config::cloud::Problem;
use rosterd_store::StoreError;

/// Whose API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Tencent Cloud.
    Tencent,
    /// UCloud.
    Ucloud,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tencent => "Tencent Cloud",
            Self::Ucloud => "UCloud",
        })
    }
}

/// A call that gave nothing, after all its repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Whose.
    pub provider: Provider,
    /// The call's name.
    pub action: &'static str,
    /// Requests sent.
    pub attempts: u32,
    /// What came of the last one.
    pub error: CallError,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.provider, self.action, self.error)?;
        if let CallError::Refused(refusal) = &self.error
            && let Some(id) = &refusal.request_id
        {
            f.write_str(&rust_i18n::t!("cloud.call.request_id", id = id))?;
        }
        if self.attempts > 1 {
            f.write_str(&rust_i18n::t!("cloud.call.attempts", attempts = self.attempts))?;
        }
        Ok(())
    }
}

/// Why a cloud command or job did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// The section is not in the configuration.
    #[error("{}", rust_i18n::t!("cloud.error.not_configured", section = section))]
    NotConfigured {
        /// `oob` or `ucloud`.
        section: &'static str,
    },
    /// The section lacks something, or says something impossible.
    #[error("{}", problems(problems_found))]
    Config {
        /// Everything wrong.
        problems_found: Vec<Problem>,
    },
    /// A key cannot be read.
    #[error("{key}: {cause}")]
    Secret {
        /// The setting that names it.
        key: &'static str,
        /// Why, without the key.
        cause: String,
    },
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A call failed.
    #[error("{0}")]
    Call(Call),
    /// Not the id of a machine.
    #[error("{}", rust_i18n::t!("cloud.error.instance", id = id))]
    Instance {
        /// What was given.
        id: String,
    },
    /// No zone is known.
    #[error("{}", rust_i18n::t!("cloud.error.no_zone"))]
    NoZone,
    /// No new password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The sink failed. What was sent, if anything, is in the database.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// There is nowhere to put a new password.
    #[error("{}", rust_i18n::t!("cloud.error.no_sink"))]
    NoSink,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another rotation is going on.
    #[error("{}", rust_i18n::t!("cloud.error.locked", path = path.display()))]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A password of another VPN account waits in the sink.
    #[error("{}", rust_i18n::t!("cloud.error.other_account", path = path.display(), account = account))]
    OtherAccount {
        /// The pending file.
        path: PathBuf,
        /// Whose it is.
        account: String,
    },
    /// A new password was sent, and whether it is in force is not known.
    #[error("{}", rust_i18n::t!("cloud.error.unconfirmed", cause = cause, current = current.display(), pending = pending.display()))]
    Unconfirmed {
        /// What came instead of an answer.
        cause: Box<Call>,
        /// The old password.
        current: PathBuf,
        /// The new one.
        pending: PathBuf,
    },
    /// A test ends the work here, as a crash would.
    #[error("stopped at {0}")]
    Stopped(&'static str),
}

fn problems(found: &[Problem]) -> String {
    found.iter().map(|p| p.message.as_str()).collect::<Vec<_>>().join("; ")
}

impl CloudError {
    /// The stable word for scripts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotConfigured { .. } | Self::Config { .. } | Self::NoZone | Self::NoSink => "config",
            Self::Secret { .. } => "secret",
            Self::Http(_) => "http",
            Self::Call(call) => call.error.word(),
            Self::Instance { .. } => "instance",
            Self::Password(_) => "password",
            Self::Sink(_) => "sink",
            Self::Store(_) => "store",
            Self::Locked { .. } => "locked",
            Self::OtherAccount { .. } => "other_account",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Stopped(_) => "stopped",
        }
    }

    /// What to do next, in the user's language.
    pub fn next(&self) -> String {
        let fixed = match self {
            Self::Call(call) => return call.error.advice(),
            Self::NotConfigured { section } => {
                return rust_i18n::t!("cloud.next.not_configured", section = section).into_owned();
            }
            Self::Config { .. } | Self::Http(_) => "cloud.next.config",
            Self::Secret { .. } => "cloud.next.secret",
            Self::Instance { .. } => "cloud.next.instance",
            Self::NoZone => "cloud.next.no_zone",
            Self::NoSink => "cloud.next.no_sink",
            Self::Password(_) => "cloud.next.password",
            Self::Sink(_) => "cloud.next.sink",
            Self::Store(_) | Self::Stopped(_) => "cloud.next.store",
            Self::Locked { .. } => "cloud.next.locked",
            Self::OtherAccount { .. } => "cloud.next.other_account",
            Self::Unconfirmed { .. } => "cloud.next.unconfirmed",
        };
        rust_i18n::t!(fixed).into_owned()
    }
}
