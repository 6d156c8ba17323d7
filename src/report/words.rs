//! The words that people read for kinds, reasons, fields and outcomes, in their language: one place, so that every
//! table says the same thing in the same way.

use std::borrow::Cow;

use rust_i18n::t;

use super::{CommitState, RunOutcome, TargetState};
use crate::mapping::MappingConfigError;
use crate::plan::{ActionKind, Counts, GroupState, OverrideKind, Reason};

mod held;
mod left_alone;

pub use held::{brake, guards, held, hook_ended};
pub use left_alone::{block, block_kind, blocked};

/// A word of the chosen language.
pub type Word = Cow<'static, str>;

/// What an action does, in one word.
pub fn kind(kind: ActionKind) -> Word {
    match kind {
        ActionKind::Add => t!("report.kind.add"),
        ActionKind::Adopt => t!("report.kind.adopt"),
        ActionKind::Update => t!("report.kind.update"),
        ActionKind::Rename => t!("report.kind.rename"),
        ActionKind::Enable => t!("report.kind.enable"),
        ActionKind::Disable => t!("report.kind.disable"),
        ActionKind::Delete => t!("report.kind.delete"),
    }
}

/// The sign in front of an action; it means the same as the colour, for whoever sees none.
pub const fn sign(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Add | ActionKind::Enable => "+",
        ActionKind::Adopt | ActionKind::Update | ActionKind::Rename => "~",
        ActionKind::Disable | ActionKind::Delete => "-",
    }
}

/// Why an action is planned.
pub fn reason(reason: Reason) -> Word {
    match reason {
        Reason::Joined => t!("report.reason.joined"),
        Reason::Changed => t!("report.reason.changed"),
        Reason::Returned => t!("report.reason.returned"),
        Reason::Left => t!("report.reason.left"),
        Reason::Missing => t!("report.reason.missing"),
        Reason::Expired => t!("report.reason.expired"),
        Reason::Deselected => t!("report.reason.deselected"),
        Reason::Suspended => t!("report.reason.suspended"),
        Reason::Drift => t!("report.reason.drift"),
        Reason::Undo => t!("report.reason.undo"),
    }
}

/// A word with another in brackets behind it.
pub fn in_brackets(word: &str, within: &str) -> String {
    t!("report.in_brackets", word = word, within = within).into_owned()
}

/// What somebody said of a person.
pub fn override_kind(kind: OverrideKind) -> Word {
    match kind {
        OverrideKind::Suspend => t!("report.override.suspend"),
        OverrideKind::Hold => t!("report.override.hold"),
    }
}

/// A changed field.
pub fn field(name: &str) -> Word {
    match name {
        "username" => t!("report.field.username"),
        "group" => t!("report.field.group"),
        "note" => t!("report.field.note"),
        "phone" => t!("report.field.phone"),
        "roles" => t!("report.field.roles"),
        "enabled" => t!("report.field.enabled"),
        "expires_on" => t!("report.field.expires_on"),
        other => Cow::Owned(other.to_owned()),
    }
}

/// Whether a group is there, where that is worth a word.
pub fn group_state(state: GroupState) -> Option<Word> {
    match state {
        GroupState::Exists => None,
        GroupState::Missing => Some(t!("report.group.missing")),
        GroupState::Create => Some(t!("report.group.create")),
        GroupState::Unchecked => Some(t!("report.group.unchecked")),
    }
}

/// How a run ended.
pub fn outcome(outcome: RunOutcome) -> Word {
    match outcome {
        RunOutcome::NoChanges => t!("report.outcome.no_changes"),
        RunOutcome::Planned => t!("report.outcome.planned"),
        RunOutcome::Applied => t!("report.outcome.applied"),
        RunOutcome::Partial => t!("report.outcome.partial"),
        RunOutcome::Held => t!("report.outcome.held"),
        RunOutcome::Failed => t!("report.outcome.failed"),
        RunOutcome::Locked => t!("report.outcome.locked"),
        RunOutcome::Unconfirmed => t!("report.outcome.unconfirmed"),
    }
}

/// What became of the commit.
pub fn commit(state: CommitState) -> Word {
    match state {
        CommitState::None => t!("report.commit.none"),
        CommitState::Confirmed => t!("report.commit.confirmed"),
        CommitState::Unconfirmed => t!("report.commit.unconfirmed"),
        CommitState::Withheld => t!("report.commit.withheld"),
    }
}

/// A target's state.
pub fn state(state: TargetState) -> Word {
    match state {
        TargetState::Clean => t!("report.state.clean"),
        TargetState::Dirty => t!("report.state.dirty"),
        TargetState::Quarantined => t!("report.state.quarantined"),
        TargetState::Paused => t!("report.state.paused"),
    }
}

/// The seven kinds with their counts, in the order of reports.
pub fn by_kind(counts: &Counts) -> [(ActionKind, u64); 7] {
    // Taken apart by name: a new count does not compile until somebody decides whether it is a kind.
    let Counts {
        add,
        adopt,
        update,
        rename,
        enable,
        disable,
        delete,
        unchanged: _,
        withheld: _,
        blocked: _,
        failed: _,
    } = *counts;
    [
        (ActionKind::Add, add),
        (ActionKind::Adopt, adopt),
        (ActionKind::Update, update),
        (ActionKind::Rename, rename),
        (ActionKind::Enable, enable),
        (ActionKind::Disable, disable),
        (ActionKind::Delete, delete),
    ]
}

/// "3 added": what was done to how many.
pub fn done(kind: ActionKind, count: u64) -> Word {
    match kind {
        ActionKind::Add => t!("report.done.add", count = count),
        ActionKind::Adopt => t!("report.done.adopt", count = count),
        ActionKind::Update => t!("report.done.update", count = count),
        ActionKind::Rename => t!("report.done.rename", count = count),
        ActionKind::Enable => t!("report.done.enable", count = count),
        ActionKind::Disable => t!("report.done.disable", count = count),
        ActionKind::Delete => t!("report.done.delete", count = count),
    }
}

/// "3 to add": what would be done to how many.
pub fn planned(kind: ActionKind, count: u64) -> Word {
    match kind {
        ActionKind::Add => t!("report.planned.add", count = count),
        ActionKind::Adopt => t!("report.planned.adopt", count = count),
        ActionKind::Update => t!("report.planned.update", count = count),
        ActionKind::Rename => t!("report.planned.rename", count = count),
        ActionKind::Enable => t!("report.planned.enable", count = count),
        ActionKind::Disable => t!("report.planned.disable", count = count),
        ActionKind::Delete => t!("report.planned.delete", count = count),
    }
}

/// What stands between the members of a list.
pub fn comma() -> Word {
    t!("report.comma")
}

/// A value in a change, where nothing and an empty text must be told apart.
pub fn value(text: Option<&str>) -> &str {
    match text {
        None => "–",
        Some("") => "\"\"",
        Some(text) => text,
    }
}

/// What is wrong with a configuration's templates, globs or paths.
pub fn unusable(error: &MappingConfigError) -> Word {
    match error {
        MappingConfigError::BadTemplate { place, template, cause } => {
            t!("mapping.bad_template", place = place, template = template, cause = cause)
        }
        MappingConfigError::UnknownField { place, field, nearest } => {
            t!("mapping.unknown_field", place = place, field = field, nearest = nearest)
        }
        MappingConfigError::BadGlob { place, glob, cause } => {
            t!("mapping.bad_glob", place = place, glob = glob, cause = cause)
        }
        MappingConfigError::BadPath { place, path, cause } => {
            t!("mapping.bad_path", place = place, path = path, cause = cause)
        }
        MappingConfigError::CommaInRole { place, role } => {
            t!("mapping.comma_in_role", place = place, role = role)
        }
    }
}

/// Yes or no.
pub fn yes_no(yes: bool) -> Word {
    if yes { t!("report.yes") } else { t!("report.no") }
}

/// Picks the singular or the plural. Chinese has the same text for both.
pub fn plural(count: u64, one: Word, many: Word) -> Word {
    if count == 1 { one } else { many }
}

/// A duration for people: `0.8 s`, `12 s`, `3 min 20 s`, `1 h 5 min`.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, milliseconds % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_read_well() {
        let cases = [
            (0, "0.0 s"),
            (812, "0.8 s"),
            (12_345, "12 s"),
            (200_000, "3 min 20 s"),
            (3_900_000, "1 h 5 min"),
        ];
        for (ms, text) in cases {
            assert_eq!(super::duration(ms), text);
        }
    }
}
