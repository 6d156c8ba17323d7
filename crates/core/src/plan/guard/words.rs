//! What held guards say to people: what, how much, the limit, and how to go on. Nothing is decided here.

use std::collections::BTreeSet;

use super::{Figure, Sight, Unit};
use crate::plan::value::{ActionKind, GuardedItem};

/// How many names a message holds at most.
const SHOWN: usize = 5;

/// A file of a source, as a guarded set and a message name it.
pub(super) fn file(source: &str, name: &str) -> String {
    format!("{source}: {name}")
}

fn number(figure: f64) -> String {
    let rounded = (figure * 10.0).round() / 10.0;
    rounded.to_string()
}

fn next(guard: &str) -> String {
    rust_i18n::t!("guard.next", guard = guard).into_owned()
}

/// A figure above its limit.
pub(super) fn above(sight: &Sight<'_>, guard: &str, limit: f64, figure: &Figure<'_>) -> String {
    let unit = if figure.unit == Unit::Percent { " %" } else { "" };
    let (actual, limit) = (format!("{}{unit}", number(figure.actual)), format!("{}{unit}", number(limit)));
    let (key, field) = match guard.strip_prefix("fields.") {
        Some(field) => ("guard.fields".to_owned(), field),
        None => (format!("guard.{guard}"), ""),
    };
    let people = figure.people;
    let names = if guard == "max_fill_drop_percent" { things(figure) } else { String::new() };
    let what =
        rust_i18n::t!(&key, actual = actual, limit = limit, people = people, field = field, names = names);
    let mut detail = format!("{what} {}", next(guard));
    if guard.starts_with("max_missing") && keys_changed(sight) {
        detail = format!("{} {detail}", rust_i18n::t!("guard.keys_changed"));
    }
    detail
}

/// The things behind a figure that are no people.
fn things(figure: &Figure<'_>) -> String {
    let names: Vec<String> = (figure.set)().into_iter().filter_map(|item| item.what).take(SHOWN).collect();
    names.join(", ")
}

/// Everybody missing and as many new: then it is the key column that changed, not the people.
fn keys_changed(sight: &Sight<'_>) -> bool {
    let missing = sight.sent().filter(|a| a.reason == crate::plan::Reason::Missing).count() as u64;
    let added = sight.sent().filter(|a| a.kind == ActionKind::Add).count() as u64;
    missing * 2 > sight.managed() && added * 2 > missing
}

/// A brake without a figure.
pub(super) fn brake(sight: &Sight<'_>, guard: &str, approvable: bool, set: &BTreeSet<GuardedItem>) -> String {
    let name = |item: &GuardedItem| match (&item.what, &item.username) {
        (Some(what), _) => what.clone(),
        (None, Some(name)) => name.to_string(),
        (None, None) => String::new(),
    };
    let mut names: Vec<String> = set.iter().take(SHOWN).map(name).collect();
    if set.len() > SHOWN {
        names.push("…".to_owned());
    }
    let reason = sight.input.past.paused.as_deref().unwrap_or_default();
    let device = sight.input.past.device.as_ref();
    let was = device.map(|d| format!("{} ({})", d.url, d.dialect)).unwrap_or_default();
    let what = rust_i18n::t!(
        &format!("guard.{guard}"),
        names = names.join(", "),
        count = set.len(),
        reason = reason,
        was = was,
        target = sight.input.target.name
    );
    if approvable { format!("{what} {}", next(guard)) } else { what.into_owned() }
}

/// What makes a roster doubtful.
pub(super) fn doubts(guard: &str, doubts: &[&crate::people::Doubt]) -> String {
    let all = doubts.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(" ");
    format!("{} {}", rust_i18n::t!("guard.roster_doubt", names = all), next(guard))
}

/// Departments that lose too many.
pub(super) fn departments(paths: &[&str], limit: f64, people: usize) -> String {
    let mut shown = paths.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if paths.len() > SHOWN {
        shown.push_str(", …");
    }
    let limit = number(limit);
    let what = rust_i18n::t!(
        "guard.max_department_loss_percent",
        departments = shown,
        limit = limit,
        people = people
    );
    format!("{what} {}", next(super::departments::NAME))
}
