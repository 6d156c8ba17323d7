//! The names and cells that every other module speaks of. Names are checked once, here, at the border; inside
//! there are no bare strings for people, accounts, groups or targets. No input or output lives here.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use icu_properties::props::{BidiControl, DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Longest user name, note and password on the device, in bytes (vendor's manual, "Limits").
pub const MAX_NAME_BYTES: usize = 48;
/// Longest note on the device, in bytes: 16 Chinese characters.
pub const MAX_NOTE_BYTES: usize = 48;
/// Longest phone field on the device, in bytes, several numbers joined with `;`.
pub const MAX_PHONE_BYTES: usize = 30;
/// Longest name of one group (one segment of a path), in bytes.
pub const MAX_GROUP_BYTES: usize = 96;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameError {
    /// Nothing is left after trimming.
    #[error("{}", rust_i18n::t!("name.empty"))]
    Empty,
    /// Longer than the device takes.
    #[error("{}", rust_i18n::t!("name.too_long", bytes = bytes, limit = limit))]
    TooLong {
        /// Length of the text in bytes.
        bytes: usize,
        /// The device's limit in bytes.
        limit: usize,
    },
    /// Begins with a comma, which the device reserves.
    #[error("{}", rust_i18n::t!("name.leading_comma"))]
    LeadingComma,
    /// Holds a character that cannot be seen, see [`is_deceptive`].
    #[error("{}", rust_i18n::t!("name.control"))]
    Control,
    /// A group path that does not begin with `/`.
    #[error("{}", rust_i18n::t!("name.not_a_path"))]
    NotAPath,
    /// A segment of a group path that is only dots: `.` and `..` mean other places to whoever resolves them.
    #[error("{}", rust_i18n::t!("name.dots"))]
    Dots,
}

/// Whether a character can make a text look like another one, by the Unicode tables: controls and formats, what is
/// ignored where it cannot be shown (soft hyphens, fillers, variation selectors, tags), what turns the direction of
/// writing, and the separators of lines and paragraphs.
pub fn is_deceptive(c: char) -> bool {
    // The most of a roster by far: no table has to be asked.
    if c.is_ascii() || matches!(c, '\u{4e00}'..='\u{9fff}') {
        return c.is_ascii_control();
    }
    let unseen = matches!(
        CodePointMapData::<GeneralCategory>::new().get(c),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    );
    unseen
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || CodePointSetData::new::<BidiControl>().contains(c)
}

/// Whether a text is nothing but dots, in any width: no department and no group is called so.
pub fn is_dots(text: &str) -> bool {
    !text.is_empty() && text.nfkc().all(|c| c == '.')
}

/// Shows control, bidirectional and zero-width characters as `\u{…}`; everything else stays.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_deceptive) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_deceptive(c) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Folds a text for comparison: NFKC and lower case. What is stored keeps its spelling.
pub fn fold(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).collect()
}

/// The longest prefix of `text` of at most `limit` bytes that ends on a character boundary.
pub fn cut_bytes(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

fn check(text: &str, limit: usize) -> Result<(), NameError> {
    match text {
        "" => Err(NameError::Empty),
        t if t.len() > limit => Err(NameError::TooLong { bytes: t.len(), limit }),
        t if t.starts_with(',') => Err(NameError::LeadingComma),
        t if t.chars().any(is_deceptive) => Err(NameError::Control),
        _ => Ok(()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $limit:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and makes it a name; spelling and case are kept, blanks around it are not.
            pub fn new(text: &str) -> Result<Self, NameError> {
                let text = text.trim();
                check(text, $limit)?;
                Ok(Self(text.into()))
            }

            /// The name as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name folded for comparison, see [`fold`].
            pub fn folded(&self) -> String {
                fold(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name!(
    /// Who a person is: the employee ID, with the source's prefix where it has one. At most 256 bytes.
    PersonKey,
    256
);
name!(
    /// What the gateway knows a person by: 1 to 48 bytes, not beginning with a comma.
    Username,
    MAX_NAME_BYTES
);
impl Username {
    /// The name that is spelled like a person key; the two share their text.
    pub fn of(key: &PersonKey) -> Result<Self, NameError> {
        check(&key.0, MAX_NAME_BYTES)?;
        Ok(Self(key.0.clone()))
    }
}

name!(
    /// A configured gateway's name. At most 64 bytes.
    TargetName,
    64
);

/// The full path of a group on the gateway: `/` or `/a/b`, every segment 1 to 96 bytes and not beginning with a comma.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct GroupPath(Arc<str>);

impl GroupPath {
    /// Parses a path that begins with `/`; empty segments are dropped, blanks around segments too.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if !text.starts_with('/') {
            return Err(if text.is_empty() { NameError::Empty } else { NameError::NotAPath });
        }
        Self::from_segments(text.split('/'))
    }

    /// Joins segments below the root. A segment must not hold a `/`.
    pub fn from_segments<'a>(segments: impl IntoIterator<Item = &'a str>) -> Result<Self, NameError> {
        let mut path = String::new();
        for segment in segments {
            let segment = segment.trim();
            if segment.is_empty() {
                continue;
            }
            check(segment, MAX_GROUP_BYTES)?;
            if is_dots(segment) {
                return Err(NameError::Dots);
            }
            path.push('/');
            path.push_str(segment);
        }
        if path.is_empty() {
            path.push('/');
        }
        Ok(Self(path.into()))
    }

    /// The path as text, `/` for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path's segments, none for the root.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|s| !s.is_empty())
    }

    /// The path without its last segment; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.0.rsplit_once('/')?;
        (self.0.len() > 1).then(|| Self(if parent.is_empty() { "/".into() } else { parent.into() }))
    }

    /// Whether `self` is `other` or lies below it.
    pub fn is_within(&self, other: &Self) -> bool {
        other.as_str() == "/"
            || self
                .0
                .strip_prefix(other.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl TryFrom<String> for GroupPath {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(&text)
    }
}

impl From<GroupPath> for String {
    fn from(path: GroupPath) -> String {
        path.0.as_ref().to_owned()
    }
}

impl fmt::Display for GroupPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for GroupPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What a roster says of one field. *Unknown* (column absent, masked, unreadable) overwrites nothing, ever.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Cell<T> {
    /// Nothing can be said.
    #[default]
    Unknown,
    /// The cell is there and empty.
    Empty,
    /// The cell's value.
    Value(T),
}

impl<T> Cell<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(v) => Some(v),
            Self::Empty | Self::Unknown => None,
        }
    }

    /// Applies `f` to a value; empty and unknown stay what they are.
    pub fn map<U>(&self, f: impl FnOnce(&T) -> U) -> Cell<U> {
        match self {
            Self::Unknown => Cell::Unknown,
            Self::Empty => Cell::Empty,
            Self::Value(v) => Cell::Value(f(v)),
        }
    }
}

/// Where in a roster something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowRef {
    /// File name as shown to people (relative to the roster's folder).
    pub file: Arc<str>,
    /// Line of the file (for a spreadsheet: the row), counted from 1.
    pub line: u64,
}

impl fmt::Display for RowRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Masks a phone number for everything that people see: the first three and the last two digits stay.
pub fn mask_phone(phone: &str) -> String {
    phone
        .split(';')
        .map(|number| {
            let chars: Vec<char> = number.chars().collect();
            let n = chars.len();
            let keep = |i: usize| n >= 7 && (i < 3 || i + 2 >= n);
            chars.iter().enumerate().map(|(i, c)| if keep(i) { *c } else { '*' }).collect::<String>()
        })
        .collect::<Vec<_>>()
        .join(";")
}

/// Role names. Shared, because thousands of people have the same ones.
pub type Roles = Arc<BTreeSet<String>>;

/// The fields of an account that can change, in the order of reports.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum AccountField {
    Username,
    Group,
    Note,
    Phone,
    Roles,
    Enabled,
    ExpiresOn,
}

impl AccountField {
    /// All fields, in order.
    pub const ALL: [Self; 7] =
        [Self::Username, Self::Group, Self::Note, Self::Phone, Self::Roles, Self::Enabled, Self::ExpiresOn];

    /// Stable text: the key in JSON and in `[target.guard.fields]`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Group => "group",
            Self::Note => "note",
            Self::Phone => "phone",
            Self::Roles => "roles",
            Self::Enabled => "enabled",
            Self::ExpiresOn => "expires_on",
        }
    }
}
