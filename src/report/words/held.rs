//! What held guards say: what, how much, the limit, and how to go on.

use rust_i18n::t;

use super::{Word, field};
use crate::reason::{Behind, Brake, Guard, HeldBy};

/// How many doubts are told.
const DOUBTS: usize = 5;

/// What holds an action or a commit back. A guard is called by its name, which is the configuration's key.
pub fn brake(brake: Brake) -> Word {
    match brake {
        Brake::Stop => t!("guard.stop"),
        Brake::Gateway => t!("guard.gateway"),
        Brake::Allow | Brake::Guard(_) => brake.as_str().into(),
    }
}

/// Guards by their names.
pub fn guards(guards: &[Guard]) -> String {
    guards.iter().map(|guard| guard.as_str()).collect::<Vec<_>>().join(&super::comma())
}

/// What a held guard says.
pub fn held(held: &HeldBy) -> String {
    if let Behind::Told { detail } = &held.behind {
        return detail.clone();
    }
    let what = what(held);
    let mut said = match held.guard.approvable() {
        true => format!("{what} {}", t!("guard.next", guard = held.guard)),
        false => what.into_owned(),
    };
    if matches!(held.behind, Behind::People { keys_changed: true, .. }) {
        said = format!("{} {said}", t!("guard.keys_changed"));
    }
    said
}

/// A figure with its unit, as far as it has one.
fn figure(guard: Guard, figure: Option<f64>) -> String {
    let figure = (figure.unwrap_or_default() * 10.0).round() / 10.0;
    if guard.is_percent() { format!("{figure} %") } else { figure.to_string() }
}

fn what(held: &HeldBy) -> Word {
    let HeldBy { guard, behind, .. } = held;
    let (actual, limit) = (figure(*guard, held.actual), figure(*guard, held.limit));
    let people = match behind {
        Behind::People { count, .. } => *count,
        Behind::Things { people, .. } => *people,
        _ => 0,
    };
    let (names, count) = match behind {
        Behind::Things { first, count, .. } => (names(first, *count), *count),
        _ => (String::new(), 0),
    };
    match guard {
        Guard::MaxMissing => t!("guard.max_missing", actual = actual, limit = limit),
        Guard::MaxMissingPercent => {
            t!("guard.max_missing_percent", people = people, actual = actual, limit = limit)
        }
        Guard::MaxLeftPercent => {
            t!("guard.max_left_percent", people = people, actual = actual, limit = limit)
        }
        Guard::MaxDeselected => t!("guard.max_deselected", actual = actual, limit = limit),
        Guard::MaxAdd => t!("guard.max_add", actual = actual, limit = limit),
        Guard::MaxChangePercent => {
            t!("guard.max_change_percent", people = people, actual = actual, limit = limit)
        }
        Guard::MaxRename => t!("guard.max_rename", actual = actual, limit = limit),
        Guard::MaxDeletes24h => t!("guard.max_deletes_24h", actual = actual, limit = limit),
        Guard::MaxDeletes7d => t!("guard.max_deletes_7d", actual = actual, limit = limit),
        Guard::MaxAccounts => t!("guard.max_accounts", actual = actual, limit = limit),
        Guard::MaxNewGroups => t!("guard.max_new_groups", actual = actual, limit = limit),
        Guard::MaxSensitiveGrants => t!("guard.max_sensitive_grants", actual = actual, limit = limit),
        Guard::MaxShrinkPercent => {
            t!("guard.max_shrink_percent", people = people, actual = actual, limit = limit)
        }
        Guard::MaxFillDropPercent => {
            t!("guard.max_fill_drop_percent", names = names, actual = actual, people = people, limit = limit)
        }
        Guard::MaxDepartmentLossPercent => {
            t!("guard.max_department_loss_percent", departments = names, limit = limit, people = people)
        }
        Guard::FirstContact => t!("guard.first_contact", count = count, names = names),
        Guard::TargetChanged => match behind {
            Behind::Device { target, url, dialect } => {
                t!("guard.target_changed", was = format!("{url} ({dialect})"), target = target)
            }
            _ => t!("guard.target_changed", was = "–", target = "–"),
        },
        Guard::ReplayedRoster => t!("guard.replayed_roster"),
        Guard::MissingFile => t!("guard.missing_file", count = count, names = names),
        Guard::RosterDoubt => {
            let doubts = match behind {
                Behind::Doubts { doubts } => doubts.as_slice(),
                _ => &[],
            };
            let all = doubts.iter().take(DOUBTS).map(ToString::to_string).collect::<Vec<_>>().join(" ");
            t!("guard.roster_doubt", names = all)
        }
        Guard::Paused => match behind {
            Behind::Pause { target, reason } => t!("guard.paused", reason = reason, target = target),
            _ => t!("guard.paused", reason = "–", target = "–"),
        },
        Guard::Hook => match behind {
            Behind::Hook { late, code, said } => t!("hooks.held", how = hook_ended(*late, *code, said)),
            _ => t!("hooks.held", how = "–"),
        },
        Guard::OnMissingGroup => t!("guard.on_missing_group", count = count, names = names),
        Guard::OnMissingRole => t!("guard.on_missing_role", count = count, names = names),
        Guard::UnreadableKey => t!("guard.unreadable_key", count = count, names = names),
        Guard::Configuration => match behind {
            Behind::Setting { place } => t!("reason.bad_template", place = place),
            _ => t!("reason.bad_template", place = "target"),
        },
        Guard::FieldUsername
        | Guard::FieldGroup
        | Guard::FieldNote
        | Guard::FieldPhone
        | Guard::FieldRoles
        | Guard::FieldEnabled
        | Guard::FieldExpiresOn => {
            let name = guard.field().map(|changed| field(changed.as_str())).unwrap_or_default();
            t!("guard.fields", field = name, actual = actual, limit = limit)
        }
        Guard::MaxFailedPercent => t!("sync.stopped_failed"),
        Guard::UpdatesErasePassword => t!("guard.updates_erase_password"),
        Guard::Verify => t!("guard.verify"),
    }
}

/// How a hook ended: late, with a code, or not at all; and what it said.
pub fn hook_ended(late: bool, code: Option<i32>, said: &str) -> String {
    let how = match (late, code) {
        (true, _) => t!("hooks.late"),
        (false, Some(code)) => t!("hooks.exit", code = code),
        (false, None) => t!("hooks.unable"),
    };
    if said.is_empty() { how.into_owned() } else { format!("{how}: {said}") }
}

/// The first few names, and a sign that there are more.
fn names(first: &[String], count: u64) -> String {
    let mut names = first.join(", ");
    if count > first.len() as u64 {
        names.push_str(", …");
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(count: u64, keys_changed: bool) -> Behind {
        Behind::People { count, keys_changed }
    }

    #[test]
    fn figures_have_their_unit_and_the_way_on() {
        let held =
            |guard, limit, actual| super::held(&HeldBy::figure(guard, limit, actual, people(52, false)));
        let next = |guard: Guard| t!("guard.next", guard = guard);
        let expected = t!("guard.max_missing_percent", people = 52, actual = "69.3 %", limit = "5 %");
        let said = held(Guard::MaxMissingPercent, 5.0, 69.333);
        assert_eq!(said, format!("{expected} {}", next(Guard::MaxMissingPercent)));
        let expected = t!("guard.max_missing", actual = "52", limit = "50");
        assert_eq!(held(Guard::MaxMissing, 50.0, 52.0), format!("{expected} {}", next(Guard::MaxMissing)));
        assert!(held(Guard::FieldNote, 0.0, 5.0).contains(&*field("note")));
    }

    #[test]
    fn changed_keys_are_said_first() {
        let said = held(&HeldBy::figure(Guard::MaxMissing, 1.0, 9.0, people(9, true)));
        assert!(said.starts_with(&*t!("guard.keys_changed")));
    }

    #[test]
    fn more_names_than_are_told_show_and_what_cannot_be_approved_has_no_way_on() {
        let first = vec!["a.csv".to_owned(), "b.csv".to_owned()];
        let files = |count| {
            let behind = Behind::Things { first: first.clone(), count, people: 0 };
            held(&HeldBy::brake(Guard::MissingFile, behind))
        };
        assert!(files(2).contains("a.csv, b.csv") && !files(2).contains('…'));
        assert!(files(3).contains("a.csv, b.csv, …"));
        let target = crate::model::TargetName::new("hq").unwrap();
        let pause = Behind::Pause { target: target.clone(), reason: "migration".into() };
        let paused = held(&HeldBy::brake(Guard::Paused, pause));
        assert_eq!(paused, t!("guard.paused", reason = "migration", target = "hq"));
        let (url, dialect) = ("https://old".into(), "openapi".into());
        let moved = held(&HeldBy::brake(Guard::TargetChanged, Behind::Device { target, url, dialect }));
        assert_eq!(moved, t!("guard.target_changed", was = "https://old (openapi)", target = "hq"));
    }

    #[test]
    fn every_guard_says_something_in_whoever_reads_its_language() {
        for guard in Guard::ALL {
            let said = held(&HeldBy::brake(*guard, Behind::Nothing));
            assert!(!said.contains("guard.") && said.len() > 10, "{guard}: {said}");
        }
    }
}
