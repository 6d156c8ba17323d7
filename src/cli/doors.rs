//! What `oob` and `ucloud` have in common: opening the doors of the settings, the three forms of a result, failures.

use std::borrow::Cow;
use std::future::Future;

use rust_i18n::t;
use serde::Serialize;
use serde_json::Value;

use super::args::Output;
use super::exit::Exit;
use super::failure::Failure;
use super::output;
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
use crate::report::csv_safe::csv_safe;
use crate::report::grid::{Grid, Tone};
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

/// Rows with named columns. Cells may be secrets, so there is no `Debug`.
pub struct Sheet {
    columns: Vec<(&'static str, String)>,
    exact: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// Columns by their name for scripts and their title for people.
    pub fn new(columns: &[(&'static str, Cow<'_, str>)]) -> Self {
        let columns = columns.iter().map(|(name, title)| (*name, title.clone().into_owned())).collect();
        Self { columns, exact: Vec::new(), rows: Vec::new() }
    }

    /// A column whose cells go into CSV as they are: a password with a `'` in front is another password.
    pub fn exact(mut self, name: &'static str) -> Self {
        self.exact.push(name);
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Leaves the last column away where nothing is in it.
    pub fn without_empty_last(mut self) -> Self {
        if self.rows.iter().all(|row| row.last().is_none_or(String::is_empty)) {
            self.columns.pop();
            self.rows.iter_mut().for_each(|row| drop(row.pop()));
        }
        self
    }

    /// Shows the rows, or `value` where JSON is wanted.
    pub fn show(&self, form: Output, value: &Value) -> anyhow::Result<()> {
        match form {
            Output::Json => output::json(value),
            Output::Csv => output::text(&self.csv()?),
            Output::Table => output::text(&self.table()),
        }
    }

    fn table(&self) -> String {
        let mut grid = Grid::new(0, output::width());
        grid.header(&self.columns.iter().map(|(_, title)| title.as_str()).collect::<Vec<_>>());
        for row in &self.rows {
            let cells: Vec<_> = row.iter().map(|cell| (cell.clone(), Tone::Plain)).collect();
            grid.row(&cells);
        }
        grid.render()
    }

    fn csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|(name, _)| name))?;
        for row in &self.rows {
            let cells = self.columns.iter().zip(row).map(|((name, _), cell)| {
                if self.exact.contains(name) { Cow::Borrowed(cell.as_str()) } else { csv_safe(cell) }
            });
            writer.write_record(cells.map(Cow::into_owned))?;
        }
        Ok(String::from_utf8(writer.into_inner()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_disarms_formulas_and_leaves_passwords_alone() {
        let mut sheet = Sheet::new(&[("id", "ID".into()), ("password", "x".into())]).exact("password");
        sheet.row(["=1+1".to_owned(), "=1+1,\"".to_owned()]);
        assert_eq!(sheet.csv().unwrap(), "id,password\n'=1+1,\"=1+1,\"\"\"\n");
    }

    #[test]
    fn an_empty_last_column_is_left_away() {
        let mut sheet = Sheet::new(&[("id", "ID".into()), ("error", "x".into())]);
        sheet.row(["a".to_owned(), String::new()]);
        assert_eq!(sheet.without_empty_last().csv().unwrap(), "id\na\n");
    }
}
