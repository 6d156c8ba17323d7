//! What this machine can tell: settings, keys, database, roster.

use rust_i18n::t;

use super::{Finding, Mark};
use crate::app::App;
use crate::config::{TargetConfig, read_guarded};
use crate::roster::Reading;
use crate::secret::ReadSecret as _;
use crate::secret::SecretRef;
use crate::store::Store;

/// No key is longer.
const LONGEST_KEY: u64 = 64 << 10;

pub(super) fn configuration(app: &App) -> Vec<Finding> {
    let path = app.loaded.path.display();
    let warnings = &app.loaded.warnings;
    if warnings.is_empty() {
        return vec![Finding::ok("configuration", t!("doctor.config", path = path))];
    }
    let warn = |text: &String| Finding::new("configuration", Mark::Warn, "unwise", text);
    warnings.iter().map(warn).collect()
}

/// Whether a target's key can be read, and by whom else.
pub(super) fn key(app: &App, target: &TargetConfig) -> Vec<Finding> {
    let Some(key) = &target.key else { return Vec::new() };
    if let Err(error) = key.read(&app.loaded.base, &app.env) {
        return vec![Finding::new("key", Mark::Fail, "unreadable", error.to_string()).next(error.next())];
    }
    if let SecretRef::File(path) = key {
        let path = app.loaded.resolve(path);
        let loose = read_guarded(&path, LONGEST_KEY).is_ok_and(|f| f.group_writable || f.world_readable);
        if loose {
            let message = t!("doctor.key_loose", path = path.display());
            let next = t!("doctor.key_loose_next", path = path.display());
            return vec![Finding::new("key", Mark::Warn, "readable_by_others", message).next(next)];
        }
    }
    vec![Finding::ok("key", t!("doctor.key", key = String::from(key.clone())))]
}

/// The database; one that is not there yet is empty.
pub(super) async fn database(app: &App) -> (Option<Store>, Finding) {
    let path = app.state().display();
    let fail = |verdict, message: String| {
        Finding::new("database", Mark::Fail, verdict, message).next(t!("doctor.database_next"))
    };
    let exists = app.state().exists();
    let store = match app.store_to_read().await {
        Ok(store) => store,
        Err(error) => return (None, fail("unusable", error.to_string())),
    };
    if !exists {
        let finding = Finding::ok("database", t!("doctor.database_absent", path = path));
        return (Some(store), Finding { verdict: "absent", ..finding });
    }
    match store.is_whole().await {
        Ok(true) => {}
        Ok(false) => return (None, fail("damaged", t!("doctor.database_damaged", path = path).into_owned())),
        Err(error) => return (None, fail("unusable", error.to_string())),
    }
    match store.audit_verify(Vec::new()).await {
        Ok(verified) if verified.broken.is_empty() => {
            let finding =
                Finding::ok("database", t!("doctor.database", path = path, records = verified.records));
            (Some(store), finding)
        }
        Ok(verified) => {
            let message = t!("doctor.audit_broken", count = verified.broken.len());
            let finding = Finding::new("database", Mark::Fail, "audit_broken", message);
            (Some(store), finding.next(t!("doctor.audit_broken_next")))
        }
        Err(error) => (None, fail("unusable", error.to_string())),
    }
}

pub(super) async fn roster(app: &App) -> (Option<Reading>, Finding) {
    let reading = match app.read(None, None).await {
        Ok(reading) => reading,
        Err(error) => {
            return (None, Finding::new("roster", Mark::Fail, "unreadable", error.message).next(error.next));
        }
    };
    let report = &reading.report;
    let message = t!("doctor.roster", people = report.people, rows = report.rows, refused = report.refused);
    let finding = if report.refused > 0 {
        Finding::new("roster", Mark::Warn, "rows_refused", message).next(t!("doctor.roster_next"))
    } else {
        Finding::ok("roster", message)
    };
    (Some(reading), finding)
}
