//! Plans as reports show them: phones masked, and nothing that only the executor needs.

use std::collections::BTreeMap;

use super::ActionLine;
use crate::model::{AccountField, mask_phone};
use crate::plan::{Action, ActionKind, Change, Plan};

/// The changes of an action, phones masked. For a new account that is every field that is not empty; that it is enabled
/// goes without saying.
pub fn masked_changes(action: &Action) -> BTreeMap<String, Change> {
    let mask = |field, text: Option<String>| match field {
        AccountField::Phone => text.as_deref().map(mask_phone),
        _ => text,
    };
    if action.kind == ActionKind::Add {
        let shown = AccountField::ALL.into_iter().filter(|field| *field != AccountField::Enabled);
        let texts = shown.filter_map(|field| {
            let text = action.after.text(field).filter(|text| !text.is_empty())?;
            Some((field.as_str().to_owned(), (None, mask(field, Some(text)))))
        });
        return texts.collect();
    }
    let shown = action.changes.iter().map(|(field, (before, after))| {
        (field.as_str().to_owned(), (mask(*field, before.clone()), mask(*field, after.clone())))
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
        withheld_by: action.withheld_by,
    };
    plan.actions.iter().map(line).collect()
}
