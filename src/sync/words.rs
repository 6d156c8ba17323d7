//! The sentences a run says about itself, in the user's language. Values in, text out.

use rust_i18n::t;

use super::recovery::OutOfReach;
use super::send::Stopped;
use crate::gateway::{Refusal, RefusalKind, Why, WhyKind};
use crate::model::PersonKey;
use crate::reason::ErrorKind;
use crate::report::ErrorReport;
use crate::store::journal::{Intent, IntentState, RunId};

/// A person's outcome could not be found out.
pub fn still_unknown(person: &PersonKey) -> String {
    t!("sync.still_unknown", person = person).into_owned()
}

/// What a look said of a call of an earlier run.
pub fn settled(intent: &Intent, state: IntentState) -> String {
    let (kind, person, run) = (intent.kind.as_str(), &intent.person, intent.run);
    match state {
        IntentState::Done => t!("sync.settled_done", kind = kind, person = person, run = run).into_owned(),
        _ => t!("sync.settled_undone", kind = kind, person = person, run = run).into_owned(),
    }
}

/// A run whose process died.
pub fn crashed(run: RunId) -> String {
    t!("sync.crashed", run = run).into_owned()
}

/// The device refuses us, or gives no usable answer: what it means and what to do.
pub fn out_of_reach(target: &str, url: &str, reason: &OutOfReach) -> ErrorReport {
    let (kind, message, next) = match reason {
        OutOfReach::Ended => (
            ErrorKind::Stopped,
            t!("sync.ended_early", target = target, url = url),
            t!("sync.ended_early_next"),
        ),
        OutOfReach::Refused(Refusal { kind: RefusalKind::Token, .. }) => (
            ErrorKind::Token,
            t!("sync.token_refused", target = target, url = url),
            t!("sync.token_refused_next"),
        ),
        OutOfReach::Refused(r) => (
            ErrorKind::Gateway,
            t!("sync.no_such_call", target = target, url = url, code = r.code, message = r.message),
            t!("sync.no_such_call_next"),
        ),
        OutOfReach::Failed(Why { kind: WhyKind::Tls, detail }) => {
            (ErrorKind::Tls, t!("sync.tls", target = target, url = url, detail = detail), t!("sync.tls_next"))
        }
        OutOfReach::Failed(Why { kind: WhyKind::Unusable, detail }) => (
            ErrorKind::Gateway,
            t!("sync.unusable", target = target, url = url, detail = detail),
            t!("sync.unusable_next"),
        ),
        OutOfReach::Failed(Why { detail, .. }) => (
            ErrorKind::Gateway,
            t!("sync.unreachable", target = target, url = url, detail = detail),
            t!("sync.unreachable_next"),
        ),
    };
    ErrorReport { kind, message: message.into_owned(), next: next.into_owned() }
}

/// What a refusal of one account means.
pub fn refused(refusal: &Refusal) -> String {
    let meaning = match refusal.kind {
        RefusalKind::Token => t!("sync.refused_token"),
        RefusalKind::NoSuchCall => t!("sync.refused_no_such_call"),
        RefusalKind::NameTaken => t!("sync.refused_name_taken"),
        RefusalKind::NoSuchName => t!("sync.refused_no_such_name"),
        RefusalKind::NoSuchGroup => t!("sync.refused_no_such_group"),
        RefusalKind::BadRequest => t!("sync.refused_bad_request"),
    };
    if refusal.message.is_empty() {
        format!("{meaning} ({})", refusal.code)
    } else {
        format!("{meaning} ({}: {})", refusal.code, refusal.message)
    }
}

/// Why a call's outcome is not known.
pub fn unknown(why: &Why) -> String {
    t!("sync.unknown", detail = why.detail).into_owned()
}

/// Why a call did not leave this machine.
pub fn not_sent(why: &Why) -> String {
    t!("sync.not_sent", detail = why.detail).into_owned()
}

/// A call without an answer of which a look says that it did not happen.
pub fn did_not_happen(why: &Why) -> String {
    t!("sync.did_not_happen", detail = why.detail).into_owned()
}

/// Why a run ended early.
pub fn stopped(stopped: &Stopped) -> String {
    match stopped {
        Stopped::Refused(refusal) => refused(refusal),
        Stopped::Unanswered(why) => t!("sync.stopped_unanswered", detail = why.detail).into_owned(),
        Stopped::Late => t!("sync.stopped_late").into_owned(),
        Stopped::Asked => t!("sync.stopped_asked").into_owned(),
        Stopped::TooManyFailed => t!("sync.stopped_failed").into_owned(),
        Stopped::NoPasswords(cause) => t!("handout.failed", cause = cause).into_owned(),
        Stopped::PasswordErased(name) => t!("sync.stopped_password", name = name).into_owned(),
        Stopped::Store => t!("sync.stopped_store").into_owned(),
    }
}

/// How many of the planned actions a run that ended early did not come to, if any.
pub fn left(left: u64, planned: u64) -> Option<String> {
    (left > 0).then(|| t!("sync.left", left = left, planned = planned).into_owned())
}

/// The database failed.
pub fn store_failed(message: &str) -> ErrorReport {
    ErrorReport { kind: ErrorKind::Store, message: message.into(), next: t!("sync.store_next").into_owned() }
}

/// The first passwords could not be written down.
pub fn no_passwords(cause: &str) -> ErrorReport {
    ErrorReport {
        kind: ErrorKind::Sink,
        message: t!("handout.failed", cause = cause).into_owned(),
        next: t!("handout.next").into_owned(),
    }
}

/// A stored plan does not fit any more.
pub fn plan_moved(what: &str) -> ErrorReport {
    ErrorReport {
        kind: ErrorKind::PlanFile,
        message: t!("sync.plan_moved", what = what).into_owned(),
        next: t!("sync.plan_moved_next").into_owned(),
    }
}
