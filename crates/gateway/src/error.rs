//! Why a gateway client or the simulated gateway cannot be set up. What becomes of a single call is no error but an
//! [`Outcome`](super::Outcome).

use std::path::PathBuf;

use crate::http::HttpError;

/// The settings of a gateway cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// Address, certificates or pins.
    #[error("{}", rust_i18n::t!("gateway.http", target = target, cause = source))]
    Http {
        /// The target concerned.
        target: String,
        /// What is wrong.
        source: HttpError,
    },
    /// More than one way to trust.
    #[error("{}", rust_i18n::t!("gateway.trust_twice", target = target))]
    TrustTwice {
        /// The target concerned.
        target: String,
    },
    /// No key, or an empty one.
    #[error("{}", rust_i18n::t!("gateway.no_key", target = target))]
    NoKey {
        /// The target concerned.
        target: String,
    },
    /// The token's recipe cannot be followed.
    #[error("{}", rust_i18n::t!("gateway.bad_recipe", recipe = recipe, cause = cause))]
    BadRecipe {
        /// The recipe as configured.
        recipe: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A file of the simulated gateway cannot be read or written.
    #[error("{}", rust_i18n::t!("gateway.data", path = path.display(), cause = cause))]
    Data {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A line of the file of groups makes no sense.
    #[error("{}", rust_i18n::t!("gateway.bad_group_line", path = path.display(), line = line, cause = cause))]
    GroupLine {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong.
        cause: String,
    },
    /// No quirk has this name.
    #[error("{}", rust_i18n::t!("gateway.unknown_quirk", name = name, known = known))]
    UnknownQuirk {
        /// The name given.
        name: String,
        /// All names.
        known: String,
    },
    /// A fault cannot be read.
    #[error("{}", rust_i18n::t!("gateway.bad_fault", spec = spec, known = known))]
    BadFault {
        /// The part that cannot be read.
        spec: String,
        /// All names.
        known: String,
    },
    /// The simulated gateway cannot listen.
    #[error("{}", rust_i18n::t!("gateway.listen", cause = cause))]
    Listen {
        /// Why.
        cause: String,
    },
}
