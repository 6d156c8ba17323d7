//! Which brakes a change of the configuration took off: for the audit trail, so that nobody widens a limit, runs, and
//! puts it back unseen. Everything is taken apart by name: a new setting does not compile until somebody has decided
//! whether it can loosen anything. The texts are records and stay English.

use std::fmt::Display;

use super::target::{
    AuthConfig, Existing, GuardConfig, GuardHold, LeaverAction, LeaversConfig, LookPolicy, OnAbsent, Switch,
    TargetConfig, TlsConfig, Verify,
};
use super::{Limit, Span};

/// What `new` allows that `old` did not, as `setting: before -> after`.
pub fn loosened(old: &TargetConfig, new: &TargetConfig) -> Vec<String> {
    let TargetConfig {
        allow,
        protect,
        keep_tag,
        existing,
        on_missing_group,
        on_missing_role,
        create_groups,
        create_groups_below,
        look,
        verify,
        leavers,
        guard,
        tls,
        auth,
        // These say where, whom and how fast; none of them is a brake.
        name: _,
        url: _,
        dialect: _,
        key: _,
        max_duration: _,
        select: _,
        manage: _,
        token: _,
        pace: _,
        initial_password: _,
    } = new;
    let mut found = Found::default();
    found.grown("allow", &old.allow, allow);
    found.grown("protect without", protect, &old.protect);
    found.note("keep_tag", &old.keep_tag, keep_tag, !old.keep_tag.is_empty() && old.keep_tag != *keep_tag);
    found.rank("existing", old.existing, *existing, |e| matches!(e, Existing::Adopt).into());
    for (key, before, after) in [
        ("on_missing_group", old.on_missing_group, *on_missing_group),
        ("on_missing_role", old.on_missing_role, *on_missing_role),
    ] {
        found.rank(key, before, after, |o| matches!(o, OnAbsent::Block).into());
    }
    found.rank("create_groups", old.create_groups, *create_groups, u32::from);
    if *create_groups {
        let wider =
            create_groups_below.iter().filter(|b| !old.create_groups_below.iter().any(|a| b.is_within(a)));
        found.0.extend(wider.map(|path| format!("create_groups_below: + {path}")));
    }
    found.rank("look", old.look, *look, |l| match l {
        LookPolicy::Always => 0,
        LookPolicy::Erasing => 1,
        LookPolicy::Never => 2,
    });
    found.rank("verify", old.verify, *verify, |v| match v {
        Verify::All => 0,
        Verify::Sample => 1,
        Verify::None => 2,
    });
    found.leavers(&old.leavers, leavers);
    found.guard(&old.guard, guard);
    found.tls(&old.tls, tls);
    let AuthConfig { updates_erase_password, mode: _, server: _, servers: _ } = auth;
    let before = old.auth.updates_erase_password;
    found.rank("auth.updates_erase_password", before, *updates_erase_password, u32::from);
    found.0
}

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn note(&mut self, key: &str, before: impl Display, after: impl Display, loosened: bool) {
        if loosened {
            self.0.push(format!("{key}: {before} -> {after}"));
        }
    }

    /// Values in an order of looseness.
    fn rank<T: Copy + serde::Serialize>(
        &mut self,
        key: &str,
        before: T,
        after: T,
        looseness: impl Fn(T) -> u32,
    ) {
        let loosened = looseness(after) > looseness(before);
        self.note(key, word(&before), word(&after), loosened);
    }

    /// Elements of `more` that are not in `less`.
    fn grown<T: PartialEq + serde::Serialize>(&mut self, key: &str, less: &[T], more: &[T]) {
        let new = more.iter().filter(|one| !less.contains(one));
        self.0.extend(new.map(|one| format!("{key}: {}", word(one))));
    }

    fn leavers(&mut self, old: &LeaversConfig, new: &LeaversConfig) {
        let LeaversConfig { action, delete_after, adopted, missing_runs, missing_for, kick_online: _ } = new;
        // With `action = "delete"` there is nothing to wait for, so the figure means nothing.
        let waiting = |action: LeaverAction, after: Option<Span>| match (action, after) {
            (LeaverAction::Delete, _) => None,
            (LeaverAction::Disable, after) => Some(after.map_or(std::time::Duration::MAX, Span::as_duration)),
        };
        let delete = |action: LeaverAction| u32::from(action == LeaverAction::Delete);
        self.rank("leavers.action", old.action, *action, delete);
        self.rank("leavers.adopted", old.adopted, *adopted, delete);
        let sooner = match (waiting(old.action, old.delete_after), waiting(*action, *delete_after)) {
            (Some(before), Some(after)) => after < before,
            _ => false,
        };
        self.note("leavers.delete_after", span(old.delete_after), span(*delete_after), sooner);
        let fewer = *missing_runs < old.missing_runs;
        self.note("leavers.missing_runs", old.missing_runs, missing_runs, fewer);
        self.note("leavers.missing_for", old.missing_for, missing_for, *missing_for < old.missing_for);
    }

    fn guard(&mut self, old: &GuardConfig, new: &GuardConfig) {
        let GuardConfig {
            hold,
            max_missing,
            max_missing_percent,
            max_left_percent,
            max_deselected,
            max_add,
            max_change_percent,
            max_rename,
            max_new_groups,
            max_shrink_percent,
            max_fill_drop_percent,
            max_department_loss_percent,
            max_deletes_24h,
            max_deletes_7d,
            max_accounts,
            max_failed_percent,
            first_contact,
            target_changed,
            replayed_roster,
            missing_file,
            sensitive_roles,
            max_sensitive_grants,
            fields,
        } = new;
        self.rank("guard.hold", old.hold, *hold, |h| matches!(h, GuardHold::Removals).into());
        for (key, before, after) in [
            ("max_missing", old.max_missing, max_missing),
            ("max_missing_percent", old.max_missing_percent, max_missing_percent),
            ("max_left_percent", old.max_left_percent, max_left_percent),
            ("max_deselected", old.max_deselected, max_deselected),
            ("max_add", old.max_add, max_add),
            ("max_change_percent", old.max_change_percent, max_change_percent),
            ("max_rename", old.max_rename, max_rename),
            ("max_new_groups", old.max_new_groups, max_new_groups),
            ("max_shrink_percent", old.max_shrink_percent, max_shrink_percent),
            ("max_fill_drop_percent", old.max_fill_drop_percent, max_fill_drop_percent),
            ("max_department_loss_percent", old.max_department_loss_percent, max_department_loss_percent),
            ("max_deletes_24h", old.max_deletes_24h, max_deletes_24h),
            ("max_deletes_7d", old.max_deletes_7d, max_deletes_7d),
            ("max_accounts", old.max_accounts, max_accounts),
            ("max_failed_percent", old.max_failed_percent, max_failed_percent),
            ("max_sensitive_grants", old.max_sensitive_grants, max_sensitive_grants),
        ] {
            self.limit(&format!("guard.{key}"), before, *after);
        }
        for (key, before, after) in [
            ("guard.first_contact", old.first_contact, *first_contact),
            ("guard.target_changed", old.target_changed, *target_changed),
            ("guard.replayed_roster", old.replayed_roster, *replayed_roster),
            ("guard.missing_file", old.missing_file, *missing_file),
        ] {
            self.rank(key, before, after, |s| matches!(s, Switch::Off).into());
        }
        self.grown("guard.sensitive_roles without", sensitive_roles, &old.sensitive_roles);
        for (field, before) in &old.fields {
            let after = fields.get(field).copied().unwrap_or(Limit::OFF);
            self.limit(&format!("guard.fields.{}", field.as_str()), *before, after);
        }
    }

    fn limit(&mut self, key: &str, before: Limit, after: Limit) {
        let figure = |limit: Limit| limit.figure().unwrap_or(f64::INFINITY);
        self.note(key, word(&before), word(&after), figure(after) > figure(before));
    }

    fn tls(&mut self, old: &TlsConfig, new: &TlsConfig) {
        let TlsConfig { pin_sha256, ca_file, system: _, insecure, backend: _ } = new;
        self.rank("tls.insecure", old.insecure, *insecure, u32::from);
        match (&old.pin_sha256, pin_sha256) {
            (Some(before), Some(after)) => self.grown("tls.pin_sha256: another pin", before, after),
            (Some(_), None) => self.0.push("tls.pin_sha256: no pin any more".into()),
            (None, _) => {}
        }
        let wider = old.ca_file.is_some() && ca_file.is_none() && pin_sha256.is_none();
        self.note("tls.ca_file", "one authority", "any the system trusts", wider && !*insecure);
    }
}

/// As the configuration writes it.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn span(span: Option<Span>) -> String {
    span.map_or_else(|| "off".to_owned(), String::from)
}

#[cfg(test)]
mod tests {
    use super::super::Allow;
    use super::*;

    fn target(more: serde_json::Value) -> TargetConfig {
        let mut value = serde_json::json!({ "name": "hq", "url": "embedded" });
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn each_loosening_is_named_and_its_reverse_is_not() {
        let usual = target(serde_json::json!({ "protect": ["admin"] }));
        type Change = (&'static str, fn(&mut TargetConfig));
        let changes: &[Change] = &[
            ("guard.max_missing: 50.0 -> 51.0", |t| t.guard.max_missing = Limit::at(51.0)),
            ("guard.max_missing: 50.0 -> off", |t| t.guard.max_missing = Limit::OFF),
            ("guard.hold: all -> removals", |t| t.guard.hold = GuardHold::Removals),
            ("guard.first_contact: hold -> off", |t| t.guard.first_contact = Switch::Off),
            ("protect without: admin", |t| t.protect.clear()),
            ("existing: report -> adopt", |t| t.existing = Existing::Adopt),
            ("look: erasing -> never", |t| t.look = LookPolicy::Never),
            ("leavers.adopted: disable -> delete", |t| t.leavers.adopted = LeaverAction::Delete),
            ("tls.insecure: false -> true", |t| t.tls.insecure = true),
            ("create_groups: false -> true", |t| t.create_groups = true),
            ("auth.updates_erase_password: false -> true", |t| t.auth.updates_erase_password = true),
        ];
        for (text, change) in changes {
            let mut changed = usual.clone();
            change(&mut changed);
            assert_eq!(loosened(&usual, &changed), [*text]);
            assert_eq!(loosened(&changed, &usual), Vec::<String>::new(), "reverse of {text}");
        }
    }

    #[test]
    fn what_only_tightens_or_moves_is_silent() {
        let usual = target(serde_json::json!({}));
        let mut changed = usual.clone();
        changed.pace.concurrency = 8;
        changed.guard.max_add = Limit::at(3.0);
        changed.allow = vec![Allow::Add];
        changed.leavers.action = LeaverAction::Disable;
        changed.leavers.missing_runs = 3;
        assert_eq!(loosened(&usual, &changed), Vec::<String>::new());
        let back = loosened(&changed, &usual);
        for part in [
            "allow: delete",
            "leavers.action: disable -> delete",
            "leavers.missing_runs: 3 -> 1",
            "guard.max_add: 3.0 -> off",
        ] {
            assert!(back.iter().any(|line| line == part), "{part} not in {back:?}");
        }
    }

    #[test]
    fn earlier_deletes_of_disabled_accounts_are_loosened() {
        let with = |action: LeaverAction, days: Option<u64>| {
            let mut target = target(serde_json::json!({}));
            target.leavers.action = action;
            target.leavers.delete_after = days.map(|d| Span::seconds(d * 86_400));
            target
        };
        use LeaverAction::{Delete, Disable};
        let changed = |before, after| loosened(&before, &after);
        assert_eq!(
            changed(with(Disable, None), with(Disable, Some(30))),
            ["leavers.delete_after: off -> 30d"]
        );
        assert_eq!(
            changed(with(Disable, Some(30)), with(Disable, Some(7))),
            ["leavers.delete_after: 30d -> 7d"]
        );
        assert!(changed(with(Disable, Some(30)), with(Disable, None)).is_empty());
        assert!(
            changed(with(Delete, None), with(Delete, Some(7))).is_empty(),
            "it deletes at once either way"
        );
        assert!(changed(with(Delete, Some(7)), with(Disable, Some(1))).is_empty());
    }

    #[test]
    fn a_pin_that_changes_or_goes_is_named() {
        let with = |pins: Option<&[&str]>| {
            let mut target = target(serde_json::json!({}));
            target.tls.pin_sha256 = pins.map(|pins| pins.iter().map(|p| (*p).to_owned()).collect());
            target
        };
        let one = with(Some(&["a"]));
        assert_eq!(loosened(&one, &with(Some(&["a", "b"]))), ["tls.pin_sha256: another pin: b"]);
        assert_eq!(loosened(&one, &with(None)), ["tls.pin_sha256: no pin any more"]);
        assert!(loosened(&with(None), &one).is_empty());
    }
}
