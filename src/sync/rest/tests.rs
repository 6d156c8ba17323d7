//! Every reason not to rest, one by one.

use chrono::NaiveDate;

use super::*;
use crate::reason::Guard;
use crate::sync::tests::order;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn quiet() -> Quiet {
    Quiet {
        version: env!("CARGO_PKG_VERSION").into(),
        config: "c".into(),
        files: Vec::new(),
        roster: RosterSummary::default(),
        as_of: day("2026-11-21"),
        at: moment("2026-11-21T02:30:00Z"),
        due: plan::Due { day: Some(day("2026-11-24")), at: Some(moment("2026-11-23T02:30:00Z")) },
        counts: plan::Counts::default(),
    }
}

/// The verdict on the day after, with one thing changed.
fn after(
    change: impl FnOnce(&mut Quiet, &mut Order, &mut TargetRow, &mut bool, &mut DateTime<Utc>),
) -> Option<Why> {
    let (mut quiet, mut order, mut row, mut open) =
        (quiet(), order(day("2026-11-22")), TargetRow::default(), false);
    let mut now = moment("2026-11-22T02:30:00Z");
    change(&mut quiet, &mut order, &mut row, &mut open, &mut now);
    may_rest(&quiet, &Present { order: &order, row: &row, open, now }).err()
}

#[test]
fn a_run_rests_only_where_nothing_at_all_speaks_against_it() {
    assert_eq!(after(|_, _, _, _, _| ()), None);
    assert_eq!(after(|_, o, _, _, _| o.dry = true), Some(Why::Order));
    assert_eq!(after(|_, o, _, _, _| o.offline = true), Some(Why::Order));
    assert_eq!(after(|_, o, _, _, _| o.only = Some(Default::default())), Some(Why::Order));
    assert_eq!(after(|_, o, _, _, _| o.undo = Some(RunId(1))), Some(Why::Order));
    assert_eq!(after(|_, o, _, _, _| o.allow_guards = [Guard::MaxAdd].into()), Some(Why::Order));
    assert_eq!(after(|_, _, row, _, _| row.dirty = true), Some(Why::State));
    assert_eq!(after(|_, _, row, _, _| row.quarantined_by = Some(Guard::Verify)), Some(Why::State));
    assert_eq!(after(|_, _, _, open, _| *open = true), Some(Why::Open));
    assert_eq!(after(|q, _, _, _, _| q.version.push('x')), Some(Why::Version));
    assert_eq!(after(|_, o, _, _, _| o.config_digest.push('x')), Some(Why::Config));
    assert_eq!(after(|q, _, _, _, _| q.due.day = Some(day("2026-11-22"))), Some(Why::Due));
    assert_eq!(after(|q, _, _, _, now| q.due.at = Some(*now)), Some(Why::Due));
    assert_eq!(after(|_, _, _, _, now| *now = moment("2026-11-21T02:29:59Z")), Some(Why::Clock));
    assert_eq!(after(|_, o, _, _, _| o.as_of = day("2026-11-20")), Some(Why::Clock));
    let old = |q: &mut Quiet, now: &mut DateTime<Utc>| {
        q.due = plan::Due::default();
        *now = q.at + AT_MOST;
    };
    assert_eq!(after(|q, _, _, _, now| old(q, now)), Some(Why::Old));
}
