//! What can be wrong with a configuration's templates, globs and paths. It is found when the configuration is loaded.

use crate::model::NameError;

/// What is wrong with a configuration's templates, globs or paths.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingConfigError {
    /// A template that cannot be parsed.
    #[error("{}", rust_i18n::t!("mapping.bad_template", place = place, template = template, cause = cause))]
    BadTemplate {
        /// The configuration's key.
        place: String,
        /// The template.
        template: String,
        /// What the parser said.
        cause: String,
    },
    /// A template that names no field.
    #[error("{}", rust_i18n::t!("mapping.unknown_field", place = place, field = field, nearest = nearest))]
    UnknownField {
        /// The configuration's key.
        place: String,
        /// The name in braces.
        field: String,
        /// The field that is spelled most like it.
        nearest: String,
    },
    /// A malformed glob.
    #[error("{}", rust_i18n::t!("mapping.bad_glob", place = place, glob = glob, cause = cause))]
    BadGlob {
        /// The configuration's key.
        place: String,
        /// The glob.
        glob: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A path of `group_map` or `role_map` that is none.
    #[error("{}", rust_i18n::t!("mapping.bad_path", place = place, path = path, cause = cause))]
    BadPath {
        /// The configuration's key.
        place: String,
        /// The path.
        path: String,
        /// What is wrong with it.
        cause: NameError,
    },
    /// A role that the device cannot be told, for it joins roles with commas.
    #[error("{}", rust_i18n::t!("mapping.comma_in_role", place = place, role = role))]
    CommaInRole {
        /// The configuration's key.
        place: String,
        /// The role.
        role: String,
    },
}
