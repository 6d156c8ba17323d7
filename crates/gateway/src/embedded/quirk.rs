//! How real devices differ from the manual: behaviour that the simulated one can be told to show.

use std::fmt;
use std::str::FromStr;

use super::GatewayError;

macro_rules! quirks {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A way in which devices differ. The names are those of `--quirk`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Quirk {
            $($(#[$doc])* $name,)*
        }

        impl Quirk {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name on the command line.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

quirks! {
    /// Numbers in results are numbers, not text (`"id":25`).
    NumbersAsInts = "numbers-as-ints",
    /// `code` is text (`"code":"0"`).
    CodeAsString = "code-as-string",
    /// A refusal has `success` and `error` and no `code`.
    NoCode = "no-code",
    /// `result` is a text that holds JSON.
    ResultAsString = "result-as-string",
    /// A wrong action is answered with an HTML page and HTTP 404.
    HtmlErrors = "html-errors",
    /// Deleting a name that is not there is refused (−2) and deletes nothing.
    DeleteAbsentRefused = "delete-absent-refused",
    /// An update without `passwd` empties the password.
    UpdatesErasePassword = "updates-erase-password",
    /// On `openapi`, note and phone that an update leaves out are emptied.
    OpenapiErases = "openapi-erases",
    /// A look shows neither `is_enable` nor `ext_auth_name`.
    MissingIsEnable = "missing-is-enable",
    /// A look shows the group as `grpname`, not as `parent_path`.
    GrpnameOnly = "grpname-only",
    /// The group's path is badly escaped (`"grpname":"/\user"`), so that a look's answer is no JSON.
    BadEscape = "bad-escape",
    /// A role that the device does not know is refused (−2) instead of left out.
    UnknownRoleRefused = "unknown-role-refused",
    /// Tokens are MD5, whatever the dialect's habit.
    TokenMd5 = "token-md5",
    /// Tokens are SHA-256, whatever the dialect's habit.
    TokenSha256 = "token-sha256",
    /// Tokens are made without the timestamp.
    TokenNoTimestamp = "token-no-timestamp",
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Quirk {
    type Err = GatewayError;

    fn from_str(text: &str) -> Result<Self, GatewayError> {
        Self::ALL.iter().copied().find(|quirk| quirk.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.iter().map(|quirk| quirk.as_str()).collect::<Vec<_>>().join(", ");
            GatewayError::UnknownQuirk { name: text.to_owned(), known }
        })
    }
}
