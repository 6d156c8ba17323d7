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
    except("schedule.watch", &["false"]),
    key("schedule.watch_poll"),
    except("schedule.wait_for_new_roster", &["0s", "0h"]),
    except("schedule.delete_window", &[""]),
    except("schedule.freeze", &["[]"]),
];

/// Guards whose figure nothing counts yet. Their keys are taken, `"off"` is always valid; a limit is refused.
pub const UNBUILT_GUARDS: &[&str] = &[];
