//! What `oob` and `ucloud` have in common: opening the doors of the settings, and failures.

use std::future::Future;

use rust_i18n::t;
use serde::Serialize;
use serde_json::Value;

use super::exit::Exit;
use super::failure::Failure;
use crate::app::{App, actor};
use crate::clock::{Clock as _, SystemClock};
use crate::cloud::CloudError;
use crate::cloud::jobs::Doors;
use crate::cloud::open::Place;
use crate::cloud::store::Order;
use crate::config::Event;
use crate::daemon::Done;
use crate::notify::{Message, News};
use crate::reason::ErrorKind;
use crate::report::ErrorReport;
use crate::stop::Stop;
use crate::store::journal::Trigger;

/// The doors of these settings.
pub fn of(app: &App, trigger: Trigger) -> Doors<'_, SystemClock> {
    Doors {
        config: app.config(),
        place: Place { base: &app.loaded.base, env: &app.env },
        clock: app.clock,
        order: Order { actor: actor::current(), trigger },
    }
}

/// What people and scripts are told.
pub fn report(error: &CloudError) -> ErrorReport {
    ErrorReport { kind: ErrorKind::of(error.kind()), message: error.to_string(), next: error.next() }
}

/// As a failed command.
pub fn failure(error: CloudError) -> Failure {
    report(&error).into()
}

/// As a failed job of the service. `title` is what people are told first.
pub fn failed(
    what: &'static str,
    (event, topic, title): (Event, &str, String),
    error: &CloudError,
) -> (Done, News) {
    let ErrorReport { kind, message, next } = report(error);
    tracing::error!(%kind, message, next, "{what}");
    let told = Message::new(event, title, vec![message.clone(), next]).standing(topic);
    (Done { exit_code: kind.exit().code(), summary: message, complete: true }, News::only(told))
}

/// How long a job may still take when the service is asked to stop: the call in hand, and what it means.
const GRACE: std::time::Duration = std::time::Duration::from_secs(20);

/// Carries a job out, but does not let it wait for better times once a stop is requested. It may be dropped anywhere:
/// what it began is finished at the next start.
pub async fn until(stop: &Stop, app: &App, job: impl Future<Output = (Done, News)>) -> (Done, News) {
    let enough = async {
        stop.when_requested().await;
        app.clock.sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        (done, news) = job => {
            let complete = done.complete && (done.exit_code == 0 || !stop.requested());
            (Done { complete, ..done }, news)
        }
        () = enough => {
            let summary = t!("cloud.cli.stopped").into_owned();
            (Done { exit_code: Exit::Failed.code(), summary, complete: false }, News::default())
        }
    }
}

/// Adds the fields of `more` to an object.
pub fn merge(object: &mut Value, more: &impl Serialize) -> serde_json::Result<()> {
    if let (Some(fields), Value::Object(more)) = (object.as_object_mut(), serde_json::to_value(more)?) {
        fields.extend(more);
    }
    Ok(())
}
