//! What this version does not do yet. Whoever builds one of these things removes its line here; nothing else in the
//! configuration needs to change.

/// A setting that is known but not built.
#[derive(Debug)]
pub struct NotYet {
    /// Its path, without the indexes of lists.
    pub key: &'static str,
    /// Values that change nothing, and are therefore taken: refusing a default that somebody wrote down helps nobody.
    pub fine: &'static [&'static str],
}

const fn key(key: &'static str) -> NotYet {
    NotYet { key, fine: &[] }
}

const fn except(key: &'static str, fine: &'static [&'static str]) -> NotYet {
    NotYet { key, fine }
}

/// Settings of the design that are refused as "not supported yet", never ignored.
pub const NOT_YET: &[NotYet] = &[
    key("web"),
    key("metrics"),
    key("notify"),
    key("roster.source"),
    except("roster.pick", &["all"]),
    except("roster.encoding", &["auto", "utf-8", "gb18030", "gbk", "gb2312"]),
    key("account.rule.auth"),
    except("target.dialect", &["updater-cloud"]),
    except("target.keep_tag", &[""]),
    except("target.on_missing_role", &["block"]),
    except("target.create_groups", &["false"]),
    except("target.create_groups_below", &["[\"/\"]"]),
    except("target.verify", &["none"]),
    except("target.leavers.kick_online", &["false"]),
    except("target.auth.mode", &["inherit"]),
    key("target.auth.server"),
    except("target.initial_password.mode", &["none"]),
    key("target.initial_password.sink"),
    except("schedule.watch", &["false"]),
    key("schedule.watch_poll"),
    except("schedule.wait_for_new_roster", &["0s", "0h"]),
];

/// Guards whose figure nothing counts yet. Their keys are taken, `"off"` is always valid; a limit is refused.
pub const UNBUILT_GUARDS: &[&str] = &[
    "max_new_groups",
    "max_fill_drop_percent",
    "max_department_loss_percent",
    "missing_file",
    "sensitive_roles",
    "max_sensitive_grants",
    "fields",
];
