//! Somebody who is left alone, and why. The reason travels from whoever finds it (roster, mapping, plan, a look right
//! before a call) to the report without being worded.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::Exit;
use crate::config::Span;
use crate::field::Field;
use crate::model::{AccountField, GroupPath, NameError, PersonKey, RowRef, Username};

/// The stable word of a reason: in JSON, in the database, and where reasons are compared.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    EnumString,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "each is explained at the variant of BlockReason that has it")]
pub enum BlockKind {
    UnknownStatus,
    DuplicateKey,
    AmbiguousKey,
    FrozenSource,
    Identity,
    Contradiction,
    BadUsername,
    BadGroup,
    PhoneTooLong,
    BadRole,
    RoleNotAllowed,
    DatesConflict,
    BadTemplate,
    UnknownOutcome,
    ReplacedOnGateway,
    KeepTag,
    Hold,
    Suspended,
    SelectUnknown,
    DuplicateUsername,
    NoGroup,
    LookIncomplete,
    MissingNotProven,
    MissingWaiting,
    Protected,
    NameShared,
    NameInUse,
    NameExists,
    AuthUnknown,
    NoAuthServer,
    MissingGroup,
    MissingRole,
    UndoAdopted,
    UndoDisabled,
    UndoMoved,
    MadeAgain,
    NotOnGateway,
    ExternalAuth,
    NoPassword,
}

impl BlockKind {
    /// All of them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The word itself.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why somebody is left alone, with what there is to say about it. Phones in it are masked.
///
/// Serialised as `{"reason": WORD, "data": {…}}`; a reason without data has no `data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "reason", content = "data", rename_all = "snake_case")]
pub enum BlockReason {
    /// Whether they still work here cannot be told.
    UnknownStatus(StatusDoubt),
    /// Rows with the same key say different things.
    DuplicateKey {
        /// All of them.
        rows: Vec<RowRef>,
    },
    /// Keys that differ only in case or width.
    AmbiguousKey {
        /// All of them.
        keys: Vec<PersonKey>,
    },
    /// The source is late or absent, and frozen.
    FrozenSource {
        /// Its name.
        source: Arc<str>,
    },
    /// The key seems to stand for another human now.
    Identity {
        /// The fields that changed at once.
        fields: Vec<Field>,
    },
    /// What a row says of somebody's job contradicts its own dates.
    Contradiction {
        /// What the status cell says; empty where it may not be shown.
        status: String,
        /// The row's last working day.
        last: NaiveDate,
    },
    /// The user name cannot be made, or cannot be one on this gateway.
    BadUsername(BadUsername),
    /// The group cannot be made, or takes nobody.
    BadGroup(BadGroup),
    /// A phone number is longer than the device takes.
    PhoneTooLong {
        /// The number, masked.
        phone: String,
        /// The device's limit in bytes.
        limit: usize,
    },
    /// A role has a comma in its name, and the device joins roles with commas.
    BadRole {
        /// The role.
        role: String,
    },
    /// The roster gives a role that it may not give.
    RoleNotAllowed {
        /// The role.
        role: String,
    },
    /// The last working day lies before the first one.
    DatesConflict {
        /// The last working day.
        last: NaiveDate,
        /// The first day.
        first: NaiveDate,
    },
    /// The configuration's templates or rules cannot be used.
    BadTemplate {
        /// The key that is wrong.
        place: String,
    },
    /// An earlier call of this person may still land.
    UnknownOutcome(Pending),
    /// The user under this name is another one than the one that was ours.
    ReplacedOnGateway {
        /// The user name.
        name: Username,
        /// The device's number for the user that was ours.
        was: String,
        /// The device's number for the user who is there now.
        is: String,
    },
    /// The note on the gateway says that the account is to be left alone.
    KeepTag {
        /// What the note begins with.
        tag: String,
    },
    /// A person said so.
    Hold {
        /// Why, in that person's words.
        reason: String,
    },
    /// A person took the access away.
    Suspended {
        /// Why, in that person's words.
        reason: String,
    },
    /// Whether the target is for them cannot be told.
    SelectUnknown,
    /// Two people would get the same user name.
    DuplicateUsername {
        /// The user name.
        name: Username,
        /// The other person.
        other: PersonKey,
    },
    /// There is no department to make a group of.
    NoGroup,
    /// A look does not show the group of the user who is to be adopted.
    LookIncomplete {
        /// The user name.
        name: Username,
    },
    /// No row names them, but their sources do not prove that anybody is gone.
    MissingNotProven,
    /// Missing, but not yet for long enough.
    MissingWaiting {
        /// Different rosters without them so far.
        rosters: u32,
        /// Since when.
        since: DateTime<Utc>,
        /// Rosters that it takes.
        runs: u32,
        /// Time that it takes.
        span: Span,
    },
    /// The configuration protects the name.
    Protected {
        /// The user name.
        name: Username,
    },
    /// The name is another person's account too, so a removal would hit them.
    NameShared {
        /// The user name.
        name: Username,
        /// The other person.
        other: PersonKey,
    },
    /// The name is not free yet.
    NameInUse(NameInUse),
    /// The name is that of a user who is not ours.
    NameExists {
        /// The user name.
        name: Username,
    },
    /// A rule's condition for the authentication cannot be judged.
    AuthUnknown,
    /// External authentication without a server.
    NoAuthServer,
    /// The group is not on the gateway.
    MissingGroup {
        /// The group.
        group: GroupPath,
        /// rosterd could create it, were it told to.
        creatable: bool,
    },
    /// The role is not on the gateway.
    MissingRole {
        /// The role.
        role: String,
    },
    /// The run that is undone took over a user who was there before.
    UndoAdopted,
    /// The account was disabled when it was deleted, and an add would enable it.
    UndoDisabled,
    /// Something changed again since the run that is undone.
    UndoMoved(UndoMoved),
    /// A look right before the call showed another user under this name.
    MadeAgain {
        /// The user name.
        name: Username,
    },
    /// A look right before the call showed nobody.
    NotOnGateway {
        /// The user name.
        name: Username,
    },
    /// The account's authentication server has a number only, and the device wants its name.
    ExternalAuth {
        /// The server's number.
        id: String,
    },
    /// No first password was made for them.
    NoPassword {
        /// The user name.
        name: Username,
    },
    /// Only read, never made: a reason that an earlier version stored together with its words.
    #[serde(skip)]
    Told {
        /// Its word.
        kind: BlockKind,
        /// Those words.
        detail: String,
        /// Whether the gateway's answer was behind it, where that was stored.
        by_gateway: Option<bool>,
    },
}

/// Why a status cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum StatusDoubt {
    /// The cell's value is in no list.
    Value {
        /// The value; empty where it may not be shown.
        value: String,
    },
    /// A source says that the person left, but may not prove it.
    Unproven,
}

/// What is wrong with a user name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum BadUsername {
    /// It is made of a field that the row does not have.
    Lacks {
        /// The field as templates name it.
        field: String,
    },
    /// It is no name.
    NoName {
        /// The text that was made.
        name: String,
        /// What is wrong with it.
        cause: NameError,
    },
    /// It holds a comma, and this gateway separates names with commas.
    Comma {
        /// The name.
        name: Username,
    },
}

/// What is wrong with a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum BadGroup {
    /// It is no path.
    NoPath {
        /// The text that was made.
        group: String,
        /// What is wrong with it.
        cause: NameError,
    },
    /// A department's own name holds a `/`.
    Slash {
        /// The department.
        department: String,
    },
    /// Nobody can be put into it.
    Closed {
        /// The group.
        group: GroupPath,
    },
}

/// A call that may still land.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Pending {
    /// Any call; no look has settled it.
    Call,
    /// An add under another name.
    Add {
        /// That name.
        name: Username,
    },
    /// A rename away from the name.
    Rename {
        /// The name.
        name: Username,
    },
}

/// Why a name is not free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum NameInUse {
    /// Somebody has it.
    Held {
        /// The user name.
        name: Username,
        /// Who has it.
        by: PersonKey,
    },
    /// It was given up, but the commit is still to come.
    Uncommitted {
        /// The user name.
        name: Username,
    },
    /// A call of somebody else that names it may still land.
    InFlight {
        /// The user name.
        name: Username,
        /// Whose call it is.
        by: PersonKey,
    },
}

/// What changed since the run that is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum UndoMoved {
    /// These fields.
    Fields {
        /// The fields, in order.
        fields: Vec<AccountField>,
    },
    /// The account itself: deleted, renamed or made again.
    Account,
}

impl BlockReason {
    /// The stable word.
    pub const fn kind(&self) -> BlockKind {
        match self {
            Self::UnknownStatus(_) => BlockKind::UnknownStatus,
            Self::DuplicateKey { .. } => BlockKind::DuplicateKey,
            Self::AmbiguousKey { .. } => BlockKind::AmbiguousKey,
            Self::FrozenSource { .. } => BlockKind::FrozenSource,
            Self::Identity { .. } => BlockKind::Identity,
            Self::Contradiction { .. } => BlockKind::Contradiction,
            Self::BadUsername(_) => BlockKind::BadUsername,
            Self::BadGroup(_) => BlockKind::BadGroup,
            Self::PhoneTooLong { .. } => BlockKind::PhoneTooLong,
            Self::BadRole { .. } => BlockKind::BadRole,
            Self::RoleNotAllowed { .. } => BlockKind::RoleNotAllowed,
            Self::DatesConflict { .. } => BlockKind::DatesConflict,
            Self::BadTemplate { .. } => BlockKind::BadTemplate,
            Self::UnknownOutcome(_) => BlockKind::UnknownOutcome,
            Self::ReplacedOnGateway { .. } => BlockKind::ReplacedOnGateway,
            Self::KeepTag { .. } => BlockKind::KeepTag,
            Self::Hold { .. } => BlockKind::Hold,
            Self::Suspended { .. } => BlockKind::Suspended,
            Self::SelectUnknown => BlockKind::SelectUnknown,
            Self::DuplicateUsername { .. } => BlockKind::DuplicateUsername,
            Self::NoGroup => BlockKind::NoGroup,
            Self::LookIncomplete { .. } => BlockKind::LookIncomplete,
            Self::MissingNotProven => BlockKind::MissingNotProven,
            Self::MissingWaiting { .. } => BlockKind::MissingWaiting,
            Self::Protected { .. } => BlockKind::Protected,
            Self::NameShared { .. } => BlockKind::NameShared,
            Self::NameInUse(_) => BlockKind::NameInUse,
            Self::NameExists { .. } => BlockKind::NameExists,
            Self::AuthUnknown => BlockKind::AuthUnknown,
            Self::NoAuthServer => BlockKind::NoAuthServer,
            Self::MissingGroup { .. } => BlockKind::MissingGroup,
            Self::MissingRole { .. } => BlockKind::MissingRole,
            Self::UndoAdopted => BlockKind::UndoAdopted,
            Self::UndoDisabled => BlockKind::UndoDisabled,
            Self::UndoMoved(_) => BlockKind::UndoMoved,
            Self::MadeAgain { .. } => BlockKind::MadeAgain,
            Self::NotOnGateway { .. } => BlockKind::NotOnGateway,
            Self::ExternalAuth { .. } => BlockKind::ExternalAuth,
            Self::NoPassword { .. } => BlockKind::NoPassword,
            Self::Told { kind, .. } => *kind,
        }
    }

    /// What one person blocked for this reason makes of a run that went well: [`Exit::Partial`] where the gateway's
    /// answer, or what the gateway holds, is behind it, because the next run tries again and somebody should look;
    /// [`Exit::Done`] where the person's row, their source or a person's word is, because nothing was left undone.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::UnknownOutcome(_)
            | Self::ReplacedOnGateway { .. }
            | Self::LookIncomplete { .. }
            | Self::NameInUse(NameInUse::InFlight { .. })
            | Self::NameExists { .. }
            | Self::MissingGroup { .. }
            | Self::MissingRole { .. }
            | Self::MadeAgain { .. }
            | Self::NotOnGateway { .. }
            | Self::ExternalAuth { .. }
            | Self::Told { by_gateway: Some(true), .. } => Exit::Partial,
            Self::UnknownStatus(_)
            | Self::DuplicateKey { .. }
            | Self::AmbiguousKey { .. }
            | Self::FrozenSource { .. }
            | Self::Identity { .. }
            | Self::Contradiction { .. }
            | Self::BadUsername(_)
            | Self::BadGroup(_)
            | Self::PhoneTooLong { .. }
            | Self::BadRole { .. }
            | Self::RoleNotAllowed { .. }
            | Self::DatesConflict { .. }
            | Self::BadTemplate { .. }
            | Self::KeepTag { .. }
            | Self::Hold { .. }
            | Self::Suspended { .. }
            | Self::SelectUnknown
            | Self::DuplicateUsername { .. }
            | Self::NoGroup
            | Self::MissingNotProven
            | Self::MissingWaiting { .. }
            | Self::Protected { .. }
            | Self::NameShared { .. }
            | Self::NameInUse(NameInUse::Held { .. } | NameInUse::Uncommitted { .. })
            | Self::AuthUnknown
            | Self::NoAuthServer
            | Self::UndoAdopted
            | Self::UndoDisabled
            | Self::UndoMoved(_)
            | Self::NoPassword { .. }
            | Self::Told { .. } => Exit::Done,
        }
    }

    /// Whether the gateway is behind it and not the person's own row: see [`Self::exit`].
    pub const fn by_gateway(&self) -> bool {
        matches!(self.exit(), Exit::Partial)
    }
}

/// A reason as it is stored. Earlier versions stored words and no data.
#[derive(Serialize, Deserialize)]
struct Stored {
    reason: BlockKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by_gateway: Option<bool>,
}

impl Serialize for BlockReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Told { kind, detail, by_gateway } => {
                let (reason, detail, by_gateway) = (*kind, Some(detail.clone()), *by_gateway);
                Stored { reason, data: None, detail, by_gateway }.serialize(serializer)
            }
            made => Self::serialize(made, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for BlockReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored { reason, data, detail, by_gateway } = Stored::deserialize(deserializer)?;
        match (data, detail) {
            (None, Some(detail)) => Ok(Self::Told { kind: reason, detail, by_gateway }),
            (data, _) => {
                let stored = serde_json::json!({ "reason": reason, "data": data });
                Self::deserialize(stored).map_err(serde::de::Error::custom)
            }
        }
    }
}

/// Somebody who is left alone, as far as whoever finds it knows: the reason, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Why.
    pub reason: BlockReason,
    /// All rows concerned.
    pub rows: Vec<RowRef>,
    /// Their name on the gateway, or the one they would get, if known.
    pub username: Option<Username>,
}

impl From<BlockReason> for Block {
    fn from(reason: BlockReason) -> Self {
        Self { reason, rows: Vec::new(), username: None }
    }
}

impl Block {
    /// The same, found in this row.
    #[must_use]
    pub fn row(self, row: &RowRef) -> Self {
        Self { rows: vec![row.clone()], ..self }
    }

    /// The same, for the account with this name, unless a name is known already.
    #[must_use]
    pub fn name(self, name: &Username) -> Self {
        Self { username: self.username.or_else(|| Some(name.clone())), ..self }
    }

    /// The same as plans and reports have it: for this person, since that day.
    pub fn of(self, person: &PersonKey, since: NaiveDate) -> Blocked {
        let row = self.rows.into_iter().next();
        Blocked {
            person: person.clone(),
            username: self.username,
            reason: self.reason,
            file: row.as_ref().map(|row| Arc::clone(&row.file)),
            line: row.map(|row| row.line),
            since,
        }
    }
}

/// Somebody who is left alone in a run, in plans, reports and reviews.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// Who.
    pub person: PersonKey,
    /// Their name on the gateway, or the one they would get, if known.
    pub username: Option<Username>,
    /// Why.
    #[serde(flatten)]
    pub reason: BlockReason,
    /// File of the row concerned.
    #[serde(default)]
    pub file: Option<Arc<str>>,
    /// Its line.
    #[serde(default)]
    pub line: Option<u64>,
    /// First day blocked for this reason. Reviews of earlier versions do not say.
    #[serde(default)]
    pub since: NaiveDate,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn blocked(reason: BlockReason) -> Blocked {
        let person = PersonKey::new("10023").unwrap();
        Block::from(reason).of(&person, "2026-11-21".parse().unwrap())
    }

    #[test]
    fn a_reason_is_stored_by_its_word_and_its_data() {
        let name = Username::new("10023").unwrap();
        let by = PersonKey::new("10024").unwrap();
        let one = blocked(BlockReason::NameInUse(NameInUse::InFlight { name, by }));
        let stored = serde_json::to_value(&one).unwrap();
        assert_eq!(
            stored,
            json!({
                "person": "10023", "username": null, "reason": "name_in_use",
                "data": { "why": "in_flight", "name": "10023", "by": "10024" },
                "file": null, "line": null, "since": "2026-11-21",
            })
        );
        assert_eq!(serde_json::from_value::<Blocked>(stored).unwrap(), one);
        let bare = blocked(BlockReason::NoGroup);
        let stored = serde_json::to_value(&bare).unwrap();
        assert_eq!((&stored["reason"], stored.get("data")), (&json!("no_group"), None));
        assert_eq!(serde_json::from_value::<Blocked>(stored).unwrap(), bare);
    }

    #[test]
    fn what_an_earlier_version_stored_in_words_comes_back_byte_for_byte() {
        // As a report and as a plan of version 0.1 have it.
        for text in [
            r#"{"person":"10044","username":null,"reason":"missing_group","detail":"the group /新 is not on the gateway","file":"b.csv","line":17,"since":"2026-11-19"}"#,
            r#"{"person":"10044","username":"10044","reason":"no_group","detail":"the department is empty","by_gateway":false,"file":null,"line":null,"since":"2026-11-19"}"#,
        ] {
            let read: Blocked = serde_json::from_str(text).unwrap();
            assert!(matches!(read.reason, BlockReason::Told { .. }));
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }

    #[test]
    fn every_word_is_the_one_that_serde_and_the_database_use() {
        for kind in BlockKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(kind.as_str().parse::<BlockKind>().unwrap(), *kind);
        }
        // A reason's serialised word is its kind's.
        for reason in [BlockReason::SelectUnknown, BlockReason::UndoMoved(UndoMoved::Account)] {
            assert_eq!(serde_json::to_value(&reason).unwrap()["reason"], reason.kind().as_str());
        }
    }
}
