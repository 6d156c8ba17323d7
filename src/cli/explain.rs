//! `rosterd explain`: everything about one person. The roster is read and planned with for real, without asking the
//! gateway, so that what is told here is what a run would do; nothing is recorded.

use std::collections::BTreeMap;

use rust_i18n::t;
use serde::Serialize;

use super::args::{ExplainArgs, Output};
use super::exit::Exit;
use super::failure::Failure;
use super::{history, output, show};
use crate::app::App;
use crate::config::TargetConfig;
use crate::mapping::{self, Account, Gone, Want, WantRoles, Wanted};
use crate::model::{Cell, PersonKey, RowRef, TargetName, mask_phone};
use crate::plan::{self, Entry, Looks, MissingSeen, Origin, Override};
use crate::reason::{Block, Blocked, HeldBy};
use crate::report::grid::{Tone, strong};
use crate::report::{ActionLine, Spoken, table, visible, words};
use crate::roster::{Person, Roster};
use crate::store::Store;
use crate::store::query::HistoryLine;

/// How many of the last things done are shown.
const LAST: u32 = 10;

/// Everything about one person.
#[derive(Debug, Serialize)]
struct Explained {
    version: u32,
    person: PersonKey,
    rows: Vec<RowRef>,
    roster: Said,
    targets: Vec<OnTarget>,
    history: Vec<HistoryLine>,
}

/// What the roster says, in words for people and as fields for scripts.
#[derive(Debug, Default, Serialize)]
struct Said {
    status: String,
    fields: BTreeMap<String, String>,
    account: BTreeMap<String, String>,
}

/// What one target has to do with the person.
#[derive(Debug, Serialize)]
struct OnTarget {
    target: TargetName,
    snapshot: Option<Entry>,
    missing: Option<MissingSeen>,
    #[serde(rename = "override")]
    overridden: Option<Override>,
    action: Option<ActionLine>,
    blocked: Option<Spoken<Blocked>>,
    #[serde(serialize_with = "crate::report::spoken::each")]
    held_by: Vec<HeldBy>,
}

/// Tells everything.
pub async fn run(args: &ExplainArgs, app: &App) -> anyhow::Result<Exit> {
    let store = app.store_to_read().await?;
    let (reading, _) = app.read_judged(&store, None, None).await.map_err(Failure::from)?;
    let roster = reading.roster;
    let wanted = mapping::map_roster(&roster, &app.config().account, app.today());
    let person = &args.person;
    let (rows, said) = said(person, &roster, &wanted);
    let mut explained = Explained {
        version: 1,
        person: person.clone(),
        rows,
        roster: said,
        targets: Vec::new(),
        history: store.history(person.as_str(), LAST).await?,
    };
    for target in &app.config().target {
        explained.targets.push(on_target(target, person, &roster, &store, app).await?);
    }
    match args.output.output {
        Output::Json => output::json(&explained)?,
        Output::Table => output::text(&text(&explained, app))?,
    }
    Ok(Exit::Done)
}

async fn on_target(
    target: &TargetConfig,
    person: &PersonKey,
    roster: &Roster,
    store: &Store,
    app: &App,
) -> anyhow::Result<OnTarget> {
    let prospect = app.prospect(store, &target.name, roster).await?;
    let looks = Looks { offline: true, ..Looks::default() };
    let plan = plan::plan(&prospect.input(target, roster, &looks));
    let (snapshot, past) = (&prospect.snapshot, &prospect.past);
    let report = crate::sync::outcome::report(&target.name, crate::store::journal::RunId(0), &plan);
    let mask = |mut entry: Entry| {
        entry.state.phone = mask_phone(&entry.state.phone);
        entry
    };
    Ok(OnTarget {
        target: target.name.clone(),
        snapshot: snapshot.entries.get(person).cloned().map(mask),
        missing: past.missing.get(person).cloned(),
        overridden: past.overrides.get(person).cloned(),
        action: crate::report::actions_for_report(&plan).into_iter().find(|a| a.person == *person),
        blocked: plan.blocked.into_iter().find(|b| b.person == *person).map(Spoken),
        held_by: report.held_by,
    })
}

fn said(person: &PersonKey, roster: &Roster, wanted: &BTreeMap<PersonKey, Wanted>) -> (Vec<RowRef>, Said) {
    if let Some(blocked) = roster.blocked.get(person) {
        return (blocked.rows.clone(), said_blocked(person, blocked));
    }
    let Some(found) = roster.people.get(person) else {
        return (Vec::new(), Said { status: t!("cli.explain.absent").into_owned(), ..Said::default() });
    };
    let (status, account) = match wanted.get(person) {
        None => (t!("cli.explain.no_account").into_owned(), BTreeMap::new()),
        Some(Wanted::Account(account)) => (t!("cli.explain.account").into_owned(), account_fields(account)),
        Some(Wanted::Gone(Gone::Left, _)) => (t!("cli.explain.left").into_owned(), BTreeMap::new()),
        Some(Wanted::Gone(Gone::Expired, _)) => (t!("cli.explain.expired").into_owned(), BTreeMap::new()),
        Some(Wanted::NotYet(_)) => (t!("cli.explain.not_yet").into_owned(), BTreeMap::new()),
        Some(Wanted::Blocked(block)) => {
            let detail = words::block(person, &block.reason);
            (t!("cli.explain.unmapped", detail = detail).into_owned(), BTreeMap::new())
        }
    };
    (found.rows.clone(), Said { status, fields: person_fields(found), account })
}

fn said_blocked(person: &PersonKey, blocked: &Block) -> Said {
    let problem = words::block_kind(blocked.reason.kind());
    let status =
        t!("cli.explain.blocked", problem = problem, detail = words::block(person, &blocked.reason));
    Said { status: status.into_owned(), ..Said::default() }
}

fn person_fields(person: &Person) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for (field, cell) in person.text.iter() {
        if let Cell::Value(text) = cell {
            fields.insert(field.as_str().to_owned(), text.to_owned());
        }
    }
    let mut set = |name: &str, value: Option<String>| {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    };
    let paths = |all: &std::sync::Arc<[Vec<String>]>| {
        all.iter().map(|path| format!("/{}", path.join("/"))).collect::<Vec<_>>().join(", ")
    };
    set("department", person.departments.value().map(paths));
    set("roles", person.roles.value().map(|roles| roles.join(", ")));
    let masked = |all: &Vec<String>| all.iter().map(|p| mask_phone(p)).collect::<Vec<_>>().join(", ");
    set("phone", person.phones.value().map(masked));
    set("hire_date", person.hire_date.value().map(ToString::to_string));
    set("leave_date", person.leave_date.value().map(ToString::to_string));
    set("expires_on", person.expires_on.value().map(ToString::to_string));
    fields
}

fn account_fields(account: &Account) -> BTreeMap<String, String> {
    fn want<T>(want: &Want<T>, show: impl Fn(&T) -> String) -> String {
        match want {
            Want::Set(value) => show(value),
            Want::IfNew(value) => t!("cli.explain.if_new", value = show(value)).into_owned(),
            Want::Keep => t!("cli.explain.kept").into_owned(),
        }
    }
    let roles = account.roles.for_new().iter().map(String::as_str).collect::<Vec<_>>().join(",");
    let roles = match account.roles {
        WantRoles::Set(_) => roles,
        WantRoles::AtLeast(_) if roles.is_empty() => t!("cli.explain.kept").into_owned(),
        WantRoles::AtLeast(_) => t!("cli.explain.at_least", roles = roles).into_owned(),
    };
    let mut fields = BTreeMap::from([
        ("username".to_owned(), account.username.to_string()),
        ("group".to_owned(), want(&account.group, ToString::to_string)),
        ("note".to_owned(), want(&account.note, Clone::clone)),
        ("phone".to_owned(), want(&account.phone, |p| mask_phone(p))),
        ("roles".to_owned(), roles),
    ]);
    if let Want::Set(Some(day)) = account.expires_on {
        fields.insert("expires_on".to_owned(), day.to_string());
    }
    fields
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
    line(&explained.roster.status);
    for (name, value) in &explained.roster.fields {
        line(&format!("  {name}: {value}"));
    }
    if !explained.roster.account.is_empty() {
        line(&t!("cli.explain.mapped"));
    }
    for (name, value) in &explained.roster.account {
        line(&format!("  {}: {value}", words::field(name)));
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
        (None, Some(Spoken(blocked))) => {
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
