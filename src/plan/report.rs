//! Plans as reports show them: phones masked, and nothing that only the executor needs.

use std::collections::BTreeMap;

use super::state::AccountField;
use super::value::{Action, Change, Plan};
use crate::model::mask_phone;
use crate::report::ActionLine;

/// The changes of an action, phones masked.
pub fn masked_changes(action: &Action) -> BTreeMap<String, Change> {
    let mask = |text: &Option<String>| text.as_deref().map(mask_phone);
    let shown = action.changes.iter().map(|(field, (before, after))| {
        let change = match field {
            AccountField::Phone => (mask(before), mask(after)),
            _ => (before.clone(), after.clone()),
        };
        (field.as_str().to_owned(), change)
    });
    shown.collect()
}

/// The plan's actions for reports and JSON.
pub fn actions_for_report(plan: &Plan) -> Vec<ActionLine> {
    let line = |action: &Action| ActionLine {
        kind: action.kind,
        person: action.person.clone(),
        username: action.username.clone(),
        reason: action.reason,
        source: action.source.clone(),
        changes: masked_changes(action),
        withheld_by: action.withheld_by.clone(),
    };
    plan.actions.iter().map(line).collect()
}
