//! Why somebody is left alone, in words: a short one for a column, and a sentence that says what is wrong and what to do.

use rust_i18n::t;

use super::{Word, field};
use crate::model::PersonKey;
use crate::reason::{
    BadGroup, BadUsername, BlockKind, BlockReason, Blocked, NameInUse, Pending, StatusDoubt, UndoMoved,
};

/// A reason in a word or two.
pub fn block_kind(kind: BlockKind) -> Word {
    t!(format!("left_alone.{}", kind.as_str()))
}

/// Why somebody is left alone, in a sentence.
pub fn blocked(blocked: &Blocked) -> Word {
    block(&blocked.person, &blocked.reason)
}

/// The same for a reason that is not in a plan yet.
pub fn block(person: &PersonKey, reason: &BlockReason) -> Word {
    match reason {
        BlockReason::Told { detail, .. } => detail.clone().into(),
        BlockReason::UnknownStatus(doubt) => status(doubt),
        BlockReason::DuplicateKey { rows } => t!("reason.duplicate_key", rows = list(rows)),
        BlockReason::AmbiguousKey { keys } => t!("reason.ambiguous_key", keys = list(keys)),
        BlockReason::FrozenSource { source } => t!("plan.frozen_source", source = source),
        BlockReason::Identity { fields } => {
            let fields: Vec<_> = fields.iter().map(|field| field.title()).collect();
            t!("roster.identity", person = person, fields = fields.join(&super::comma()))
        }
        BlockReason::Contradiction { status, last } => {
            t!("roster.problem.contradiction", value = status, other = last)
        }
        BlockReason::BadUsername(why) => bad_username(why),
        BlockReason::BadGroup(why) => bad_group(why),
        BlockReason::PhoneTooLong { phone, limit } => {
            t!("mapping.phone_too_long", phone = phone, limit = limit)
        }
        BlockReason::BadRole { role } => t!("mapping.role_with_comma", role = role),
        BlockReason::RoleNotAllowed { role } => t!("mapping.role_not_allowed", role = role),
        BlockReason::DatesConflict { last, first } => {
            t!("mapping.dates_conflict", last = last, first = first)
        }
        BlockReason::BadTemplate { place } => t!("reason.bad_template", place = place),
        BlockReason::UnknownOutcome(pending) => unknown_outcome(pending),
        BlockReason::ReplacedOnGateway { name, was, is } => {
            t!("plan.replaced", name = name, was = was, is = is)
        }
        BlockReason::KeepTag { tag } => t!("plan.keep_tag", tag = tag),
        BlockReason::Hold { reason } => t!("plan.hold", reason = reason),
        BlockReason::Suspended { reason } => t!("plan.suspended", reason = reason),
        BlockReason::SelectUnknown => t!("plan.select_unknown"),
        BlockReason::DuplicateUsername { name, other } => {
            t!("plan.duplicate_username", name = name, other = other)
        }
        BlockReason::NoGroup => t!("plan.no_group"),
        BlockReason::LookIncomplete { name } => t!("plan.look_incomplete", name = name),
        BlockReason::MissingNotProven => t!("plan.missing_not_proven"),
        BlockReason::MissingWaiting { rosters, since, runs, span } => {
            let since = since.format("%Y-%m-%d %H:%M UTC");
            t!("plan.missing_waiting", rosters = rosters, since = since, runs = runs, span = span)
        }
        BlockReason::Protected { name } => t!("plan.protected", name = name),
        BlockReason::NameShared { name, other } => t!("plan.name_shared", name = name, other = other),
        BlockReason::NameInUse(why) => name_in_use(why),
        BlockReason::NameExists { name } => t!("plan.name_exists", name = name),
        BlockReason::AuthUnknown => t!("plan.auth_unknown"),
        BlockReason::NoAuthServer => t!("plan.no_auth_server"),
        BlockReason::MissingGroup { group, creatable: true } => {
            t!("plan.missing_group_openapi", group = group)
        }
        BlockReason::MissingGroup { group, creatable: false } => t!("plan.missing_group", group = group),
        BlockReason::MissingRole { role } => t!("plan.missing_role", role = role),
        BlockReason::UndoAdopted => t!("plan.undo_adopted"),
        BlockReason::UndoDisabled => t!("plan.undo_disabled"),
        BlockReason::UndoMoved(UndoMoved::Account) => t!("plan.undo_gone"),
        BlockReason::UndoMoved(UndoMoved::Fields { fields }) => {
            let fields: Vec<_> = fields.iter().map(|changed| field(changed.as_str())).collect();
            t!("plan.undo_moved", fields = fields.join(&super::comma()))
        }
        BlockReason::MadeAgain { name } => t!("sync.made_again", name = name),
        BlockReason::NotOnGateway { name } => t!("sync.not_on_gateway", name = name),
        BlockReason::ExternalAuth { id } => t!("sync.external_auth", id = id),
        BlockReason::NoPassword { name } => t!("handout.missing", name = name),
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn status(doubt: &StatusDoubt) -> Word {
    match doubt {
        StatusDoubt::Value { value } if value.is_empty() => t!("reason.empty_status"),
        StatusDoubt::Value { value } => t!("reason.unknown_status", value = value),
        StatusDoubt::Unproven => t!("roster.unproven_leaver"),
    }
}

fn bad_username(why: &BadUsername) -> Word {
    match why {
        BadUsername::Lacks { field } => t!("mapping.username_incomplete", field = field),
        BadUsername::NoName { name, cause } => t!("mapping.bad_username", name = name, cause = cause),
        BadUsername::Comma { name } => t!("plan.comma_in_name", name = name),
    }
}

fn bad_group(why: &BadGroup) -> Word {
    match why {
        BadGroup::NoPath { group, cause } => t!("mapping.bad_group", group = group, cause = cause),
        BadGroup::Slash { department } => {
            t!("mapping.bad_group", group = department, cause = t!("mapping.slash_in_department"))
        }
        BadGroup::Closed { group } => t!("plan.anonymous_group", group = group),
    }
}

fn unknown_outcome(pending: &Pending) -> Word {
    match pending {
        Pending::Call => t!("plan.unknown_outcome"),
        Pending::Add { name } => t!("plan.add_in_flight", name = name),
        Pending::Rename { name } => t!("plan.rename_in_flight", name = name),
    }
}

fn name_in_use(why: &NameInUse) -> Word {
    match why {
        NameInUse::Held { name, by } => t!("plan.name_in_use", name = name, other = by),
        NameInUse::Uncommitted { name } => t!("plan.name_uncommitted", name = name),
        NameInUse::InFlight { name, by } => t!("plan.name_in_flight", name = name, other = by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own_in_both_languages() {
        for kind in BlockKind::ALL {
            let key = format!("left_alone.{}", kind.as_str());
            let words = ["en", "zh"].map(|locale| t!(&key, locale = locale).into_owned());
            assert!(words.iter().all(|word| *word != key), "{key}");
            assert_ne!(words[0], words[1], "{key}");
        }
    }
}
