//! Applying a review while calls of earlier runs may still land.

use super::*;
use crate::model::RowRef;
use crate::plan::Reason;
use crate::store::journal::{IntentState, RunId};
use rosterd_core::samples::{group, key, moment, name, record, roles};

fn state() -> AccountState {
    AccountState {
        group: group("/总公司"),
        note: "员工1-销售".into(),
        phone: "13800138000".into(),
        roles: roles(&[]),
        enabled: true,
        expires_on: None,
    }
}

/// A call of which a look said that it did not happen, and which may happen all the same.
fn late(kind: ActionKind, from: &str, to: &str) -> Intent {
    Intent {
        run: RunId(1),
        seq: 1,
        person: key("2"),
        username: name(from),
        new_username: name(to),
        kind,
        reason: Reason::Joined,
        before: None,
        after: (kind != ActionKind::Delete).then(state),
        origin: Origin::Created,
        source: Some(RowRef { file: "a.csv".into(), line: 2 }),
        state: IntentState::Undone,
        unsettled: true,
        last_sent_at: moment("2026-11-21T02:30:00Z"),
    }
}

/// Whom a review makes ours that names person 1's user `li`, while these calls may land.
fn applied(open: &[Intent]) -> Result<Vec<Taken>, ReviewError> {
    let device = Device { url: "embedded".into(), dialect: "updater-cloud".into() };
    let (username, record) = (name("li"), record("li", &state()));
    let target: TargetConfig =
        serde_json::from_value(serde_json::json!({ "name": "hq", "url": "embedded" })).unwrap();
    let at = moment("2026-11-21T02:31:00Z");
    let one = candidate(&target, &key("1"), &username, false, BTreeMap::new(), &record).unwrap();
    let review = Review {
        people: vec![one],
        ours: 0,
        absent: Vec::new(),
        strangers: None,
        left_alone: Vec::new(),
        unanswered: 0,
        then: Then::default(),
        suggested_groups: Vec::new(),
    };
    let file = ReviewFile {
        kind: KIND.into(),
        version: 1,
        target: target.name,
        url: device.url.clone(),
        dialect: device.dialect.clone(),
        made_at: at,
        roster: "d1".into(),
        review,
    };
    let looks = [(username, Looked { at, record: Some(record) })].into();
    taken(&file, &device, &plan::Snapshot::default(), &looks, &may_land(open))
}

#[test]
fn nobody_is_taken_over_while_a_call_that_names_them_may_land() {
    let refused = Err(ReviewError::MayLand { person: key("1"), username: name("li") });
    for (kind, from, to) in [
        // The user who is there may be the one whom the add made, for somebody else.
        (ActionKind::Add, "li", "li"),
        (ActionKind::Update, "li", "li"),
        (ActionKind::Delete, "li", "li"),
        (ActionKind::Rename, "li", "wang"),
        (ActionKind::Rename, "wang", "li"),
        // The device tells no case apart.
        (ActionKind::Add, "LI", "LI"),
    ] {
        assert_eq!(applied(&[late(kind, from, to)]), refused, "{kind:?} {from} {to}");
    }
    for open in [vec![], vec![late(ActionKind::Add, "wang", "wang")]] {
        assert_eq!(applied(&open).unwrap().len(), 1);
    }
}
