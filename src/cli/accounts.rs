//! `rosterd accounts`: which accounts there are, or were at some moment.

use clap::Args;
use rust_i18n::t;
use serde_json::{Value, json};

use super::args::{self, Global, Moment, Output};
use super::exit::Exit;
use super::sheet::Sheet;
use super::{output, show};
use crate::app::App;
use crate::report::words;
use crate::store::query::AccountLine;

/// List the accounts that rosterd manages, or those of some moment
///
/// 列出 rosterd 管理的账号，或某一时刻的账号
#[derive(Debug, Args)]
pub struct AccountsArgs {
    /// As they were at this moment: 2026-11-21 or 2026-11-21T08:00:00+08:00
    ///
    /// 列出此刻的账号：2026-11-21 或 2026-11-21T08:00:00+08:00
    #[arg(long, value_name = "TIME", value_parser = args::moment)]
    pub at: Option<Moment>,
}

/// Lists them. A day means its first moment in the configured zone.
pub async fn run(args: &AccountsArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store_to_read().await?;
    let at = args.at.map_or_else(|| app.now(), |moment| moment.in_zone(app.zone()));
    let accounts = store.accounts_at(at, None).await?;
    if accounts.is_empty() && global.output == Output::Table {
        output::text(&format!("{}\n", t!("cli.accounts.none", at = show::moment(at, app.zone()))))?;
        return Ok(Exit::Done);
    }
    let mut sheet = Sheet::new(&[
        ("target", t!("cli.runs.target")),
        ("person", t!("cli.history.person")),
        ("username", words::field("username")),
        ("group", words::field("group")),
        ("note", words::field("note")),
        ("phone", words::field("phone")),
        ("roles", words::field("roles")),
        ("enabled", words::field("enabled")),
        ("expires_on", words::field("expires_on")),
        ("since", t!("cli.accounts.since")),
        ("run", t!("cli.runs.id")),
    ]);
    for account in &accounts {
        sheet.row(cells(account, global.output, app));
    }
    sheet.show(global.output, &json!({ "version": 1, "at": at, "accounts": accounts }))?;
    Ok(Exit::Done)
}

fn cells(account: &AccountLine, form: Output, app: &App) -> Vec<String> {
    let field = |name: &str| match account.fields.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        Some(Value::Bool(yes)) if form == Output::Table => words::yes_no(*yes).into_owned(),
        Some(Value::Bool(yes)) => yes.to_string(),
        _ => String::new(),
    };
    let since = match form {
        Output::Table => show::moment(account.from_at, app.zone()),
        Output::Json | Output::Csv => account.from_at.to_rfc3339(),
    };
    let mut cells = vec![account.target.clone(), account.person.clone(), account.username.clone()];
    cells.extend(["group", "note", "phone", "roles", "enabled", "expires_on"].map(field));
    cells.extend([since, account.from_run.to_string()]);
    cells
}
