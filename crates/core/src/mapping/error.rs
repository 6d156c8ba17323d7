//! What can be wrong with a configuration's templates, globs and paths. It is found, and worded, when the configuration is
//! checked.

use crate::model::NameError;

/// What is wrong with a configuration's templates, globs or paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappingConfigError {
    /// A template that cannot be parsed.
    BadTemplate {
        /// The configuration's key.
        place: String,
        /// The template.
        template: String,
        /// What the parser said.
        cause: String,
    },
    /// A template that names no field.
    UnknownField {
        /// The configuration's key.
        place: String,
        /// The name in braces.
        field: String,
        /// The field that is spelled most like it.
        nearest: String,
    },
    /// A malformed glob.
    BadGlob {
        /// The configuration's key.
        place: String,
        /// The glob.
        glob: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A path of `group_map` or `role_map` that is none.
    BadPath {
        /// The configuration's key.
        place: String,
        /// The path.
        path: String,
        /// What is wrong with it.
        cause: NameError,
    },
    /// A role that the device cannot be told, for it joins roles with commas.
    CommaInRole {
        /// The configuration's key.
        place: String,
        /// The role.
        role: String,
    },
}

impl MappingConfigError {
    /// The configuration's key.
    pub fn place(&self) -> &str {
        let (Self::BadTemplate { place, .. }
        | Self::UnknownField { place, .. }
        | Self::BadGlob { place, .. }
        | Self::BadPath { place, .. }
        | Self::CommaInRole { place, .. }) = self;
        place
    }
}
