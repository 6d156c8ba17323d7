//! `rosterd person`: whether an employee ID still stands for the same human, and forgetting somebody.

use rust_i18n::t;
use serde_json::{Value, json};

use super::args::{Output, PersonArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::output;
use crate::app::App;
use crate::app::people::PeopleError;
use crate::store::people::Erased;

/// Carries out what is said, person by person; the first that fails ends it.
pub async fn run(args: &PersonArgs, app: &App) -> anyhow::Result<Exit> {
    let store = app.store().await?;
    let reading = match args.erase {
        true => None,
        false => Some(app.read_for_people().await.map_err(failure)?),
    };
    let mut done = Vec::with_capacity(args.person.len());
    for person in &args.person {
        done.push(match &reading {
            Some(reading) if args.same => {
                app.same_person(&store, reading, person, &args.reason).await.map_err(failure)?;
                (
                    t!("cli.person.same", person = person).into_owned(),
                    json!({ "person": person, "said": "same" }),
                )
            }
            Some(reading) => {
                let former =
                    app.different_person(&store, reading, person, &args.reason).await.map_err(failure)?;
                (
                    t!("cli.person.different", person = person, former = former).into_owned(),
                    json!({ "person": person, "said": "different", "former": former }),
                )
            }
            None => erased(&app.erase_person(&store, person, &args.reason).await.map_err(failure)?),
        });
    }
    match args.output.output {
        Output::Json => {
            let people: Vec<Value> = done.into_iter().map(|(_, json)| json).collect();
            output::json(&json!({ "version": 1, "people": people }))?;
        }
        Output::Table => {
            let lines: String = done.iter().map(|(text, _)| format!("{text}\n")).collect();
            output::text(&lines)?;
        }
    }
    Ok(Exit::Done)
}

/// What is told does not name the person again: they are forgotten.
fn erased(erased: &Erased) -> (String, Value) {
    let text = t!(
        "cli.person.erased",
        pseudonym = erased.pseudonym,
        records = erased.records,
        intents = erased.intents,
        plans = erased.plans
    );
    (text.into_owned(), json!({ "said": "erase", "erased": erased }))
}

fn failure(error: PeopleError) -> Failure {
    let kind = match &error {
        PeopleError::Roster(report) => return Failure::from(report.clone()),
        PeopleError::NoRow(_) => "no_row",
        PeopleError::Unsettled(_) => "unsettled",
        PeopleError::HasAccount { .. } => "has_account",
        PeopleError::Lock(_) => "locked",
        PeopleError::Store(_) => "store",
    };
    let exit = if matches!(error, PeopleError::Lock(_)) { Exit::Locked } else { Exit::Failed };
    Failure { exit, ..Failure::new(kind, error.to_string(), error.next()) }
}
