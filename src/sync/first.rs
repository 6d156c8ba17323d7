//! First passwords within a run: for whom, when, and what the trail and the report say of the file. How they are made and
//! written is `handout`'s business.

use chrono::{DateTime, Utc};

use crate::config::TargetConfig;
use crate::handout::{self, FirstPasswords, HandoutError, Issued, Newcomer};
use crate::plan::{ActionKind, Plan};
use crate::report::TargetReport;
use crate::roster::Roster;
use crate::store::audit::Record;
use crate::store::journal::RunId;
use crate::store::{Store, StoreError};

/// Passwords for everybody whom this plan adds, on disk before anybody is added.
pub(super) fn issue(
    target: &TargetConfig,
    run: RunId,
    plan: &Plan,
    roster: &Roster,
) -> Result<Issued, HandoutError> {
    let adds = plan.to_send().filter(|action| action.kind == ActionKind::Add);
    let newcomers = adds.map(|action| Newcomer {
        person: &action.person,
        username: &action.username,
        note: &action.after.note,
        rows: roster.people.get(&action.person),
    });
    handout::issue(&target.initial_password, run.0, newcomers)
}

/// Tells the trail and the report where the file is.
pub(super) async fn told(
    store: &Store,
    target: &TargetConfig,
    run: RunId,
    now: DateTime<Utc>,
    issued: Issued,
    report: &mut TargetReport,
) -> Result<FirstPasswords, StoreError> {
    let Issued { passwords, file } = issued;
    if let Some(path) = file {
        let count = passwords.count();
        let body = serde_json::json!({ "file": path, "count": count });
        store.audit(Record::new("passwords_issued", now).on(&target.name, run).body(body)).await?;
        let words = rust_i18n::t!("handout.written", count = count, path = path.display());
        report.warnings.push(words.into_owned());
    }
    Ok(passwords)
}
