//! `rosterd person`: whether an employee ID still stands for the same human, and forgetting somebody.

use clap::Args;
use rust_i18n::t;
use serde_json::{Value, json};

use super::args::{self, Global};
use super::exit::Exit;
use super::failure::Failure;
use super::output;
use crate::app::App;
use crate::app::people::PeopleError;
use crate::model::PersonKey;
use crate::reason::ErrorKind;
use crate::store::people::Erased;

/// Say whether an employee ID still stands for the same human, or forget somebody
///
/// 说明某工号是否仍是同一人，或清除某人的记录
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("said").required(true))]
pub struct PersonArgs {
    /// Person key; may be several
    ///
    /// 人员标识；可给出多个
    #[arg(value_name = "PERSON", value_parser = args::person, required = true)]
    pub person: Vec<PersonKey>,
    /// Still the same human: take what the roster says now
    ///
    /// 仍是同一人：以名单现在的内容为准
    #[arg(long, group = "said")]
    pub same: bool,
    /// Another human has this key now: the former one's account goes, theirs is new
    ///
    /// 此标识现属另一人：原账号移除，新建其账号
    #[arg(long, group = "said")]
    pub different: bool,
    /// Forget somebody who has no account any more; the audit trail stays whole
    ///
    /// 清除已无账号者的个人信息；审计链保持完整
    #[arg(long, group = "said")]
    pub erase: bool,
    /// Why, for the audit trail
    ///
    /// 原因，记入审计
    #[arg(long, value_name = "TEXT", value_parser = args::reason)]
    pub reason: String,
}

/// Carries out what is said, person by person; the first that fails ends it.
pub async fn run(args: &PersonArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
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
    let people = || done.iter().map(|(_, json)| json).collect::<Vec<_>>();
    let lines = || done.iter().map(|(text, _)| format!("{text}\n")).collect();
    output::answer(global.output, || json!({ "version": 1, "people": people() }), lines)?;
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
        PeopleError::NoRow(_) => ErrorKind::NoRow,
        PeopleError::Unsettled(_) => ErrorKind::Unsettled,
        PeopleError::HasAccount { .. } => ErrorKind::HasAccount,
        PeopleError::Lock(_) => ErrorKind::Locked,
        PeopleError::Store(_) => ErrorKind::Store,
    };
    Failure::new(kind, error.to_string(), error.next())
}
