//! `rosterd explain`: everything about one person, as `app` gathers it.

use clap::Args;
use rust_i18n::t;

use super::args::{self, Global};
use super::exit::Exit;
use super::failure::Failure;
use super::{history, output, show};
use crate::app::App;
use crate::app::explain::{ExplainError, Explained, OnTarget, Said, Standing, Wish, WishRule};
use crate::model::PersonKey;
use crate::plan::{Entry, Origin};
use crate::report::grid::{Tone, strong};
use crate::report::{table, visible, words};

/// Tell everything about one person: row, mapping, snapshot, plan and why
///
/// 说明某人的一切：名单行、映射、快照、计划及原因
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Person key
    ///
    /// 人员标识
    #[arg(value_name = "PERSON", value_parser = args::person)]
    pub person: PersonKey,
}

/// Tells everything.
pub async fn run(args: &ExplainArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store_to_read().await?;
    let explained = app.explain(&store, &args.person).await.map_err(|error| match error {
        ExplainError::Roster(report) => anyhow::Error::from(Failure::from(report)),
        ExplainError::Store(error) => error.into(),
    })?;
    output::answer(global.output, || &explained, || text(&explained, app))?;
    Ok(Exit::Done)
}

/// Where somebody stands in the roster.
fn standing(said: &Said) -> words::Word {
    let detail = said.detail.as_deref().unwrap_or_default();
    match said.standing {
        Standing::Absent => t!("cli.explain.absent"),
        Standing::NoAccount => t!("cli.explain.no_account"),
        Standing::Account => t!("cli.explain.account"),
        Standing::Left => t!("cli.explain.left"),
        Standing::Expired => t!("cli.explain.expired"),
        Standing::NotYet => t!("cli.explain.not_yet"),
        Standing::Unmapped => t!("cli.explain.unmapped", detail = detail),
        Standing::Blocked => {
            let problem = said.problem.map(words::block_kind).unwrap_or_default();
            t!("cli.explain.blocked", problem = problem, detail = detail)
        }
    }
}

fn wish(wish: &Wish) -> words::Word {
    match wish.rule {
        WishRule::Set => wish.value.clone().into(),
        WishRule::IfNew => t!("cli.explain.if_new", value = wish.value),
        WishRule::AtLeast => t!("cli.explain.at_least", roles = wish.value),
        WishRule::Keep => t!("cli.explain.kept"),
    }
}

fn text(explained: &Explained, app: &App) -> String {
    let mut text = format!("{}\n", strong(explained.person.as_str()));
    let mut line = |said: &str| {
        text.push_str("  ");
        text.push_str(&visible(said));
        text.push('\n');
    };
    for row in &explained.rows {
        line(&t!("cli.explain.row", row = row));
    }
    line(&standing(&explained.roster));
    for (name, value) in &explained.roster.fields {
        line(&format!("  {name}: {value}"));
    }
    if !explained.roster.account.is_empty() {
        line(&t!("cli.explain.mapped"));
    }
    for (name, value) in &explained.roster.account {
        line(&format!("  {}: {}", words::field(name), wish(value)));
    }
    for target in &explained.targets {
        text.push_str(&on_target_text(target, app));
    }
    text.push_str(&format!("\n{}\n", strong(&t!("cli.explain.history"))));
    if explained.history.is_empty() {
        text.push_str(&format!("  {}\n", t!("cli.history.none", who = explained.person)));
    } else {
        text.push_str(&history::grid(&explained.history, app).render());
    }
    text
}

fn on_target_text(on: &OnTarget, app: &App) -> String {
    let mut text = format!("\n{}\n", strong(&t!("report.target", name = on.target)));
    let mut line = |said: &str| text.push_str(&format!("  {said}\n"));
    match &on.snapshot {
        Some(entry) => line(&visible(&entry_text(entry))),
        None => line(&t!("cli.explain.no_entry")),
    }
    if let Some(missing) = &on.missing {
        let since = show::moment(missing.since, app.zone());
        line(&t!("cli.explain.missing", since = since, rosters = missing.rosters));
    }
    if let Some(over) = &on.overridden {
        let until = over.until.map_or_else(|| "–".to_owned(), |day| day.to_string());
        line(&visible(&t!("cli.explain.override", reason = over.reason, until = until)));
    }
    match (&on.action, &on.blocked) {
        (Some(action), _) => line(&table::action_text(action)),
        (None, Some(blocked)) => {
            let text = t!(
                "cli.explain.left_alone",
                reason = words::block_kind(blocked.reason.kind()),
                detail = words::blocked(blocked),
                since = blocked.since
            );
            line(&Tone::Notice.paint(&visible(&text)));
        }
        (None, None) => line(&t!("cli.explain.nothing")),
    }
    for held in &on.held_by {
        text.push_str(&table::held_lines(held, "RUN"));
    }
    text
}

fn entry_text(entry: &Entry) -> String {
    let Entry { username, origin, state, gateway_id: _, disabled, unknown } = entry;
    let origin = match origin {
        Origin::Created => t!("cli.explain.created"),
        Origin::Adopted => t!("cli.explain.adopted"),
    };
    let mut parts = vec![t!("cli.explain.entry", username = username, origin = origin).into_owned()];
    parts.extend(show::fields(state));
    if let Some(disabled) = disabled {
        parts.push(t!("cli.explain.disabled", reason = words::reason(disabled.reason)).into_owned());
    }
    if *unknown {
        parts.push(t!("cli.explain.unknown").into_owned());
    }
    parts.join(&words::comma())
}
