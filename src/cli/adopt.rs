//! `rosterd adopt`: who on a gateway could be taken over, as a file to review; and taking over whom the review names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use rust_i18n::t;
use serde_json::json;

use super::args::Global;
use super::exit::Exit;
use super::failure::Failure;
use super::progress::Bar;
use super::{args, output, show, signals};
use crate::app::App;
use crate::app::existing::{Reviewed, Wish};
use crate::existing::review::{Candidate, Review};
use crate::existing::{links, suggest};
use crate::model::TargetName;
use crate::reason::ErrorKind;
use crate::report::grid::{Tone, strong};
use crate::report::{visible, words};

/// How many lines of a sort are shown; the file has all.
const SHOWN: usize = 20;

/// Find out who was on a gateway before rosterd, for review, and take them over
///
/// 查明 rosterd 之前网关上已有谁，供核对，并予以接管
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// The target; needed where there are several
    ///
    /// 目标；有多个时必须给出
    #[arg(long, value_name = "NAME", value_parser = args::target)]
    pub target: Option<TargetName>,
    /// Write the review to this file instead of adopt-TARGET.json
    ///
    /// 把核对清单写入此文件，而非 adopt-目标.json
    #[arg(short, long = "out", value_name = "FILE", conflicts_with = "apply")]
    pub out: Option<PathBuf>,
    /// Tie people to user names that follow no template: columns person and username
    ///
    /// 把人员对应到不合模板的用户名：列为工号和用户名
    #[arg(long, value_name = "FILE", conflicts_with = "apply")]
    pub link: Option<PathBuf>,
    /// Also suggest a group_map: where most of each department's people already are
    ///
    /// 同时建议 group_map：各部门多数人已在的用户组
    #[arg(long, conflicts_with = "apply")]
    pub suggest_map: bool,
    /// Take over the people of this review; sends nothing
    ///
    /// 接管此清单中的人员；不发送任何内容
    #[arg(long, value_name = "FILE", requires = "reason", conflicts_with = "target")]
    pub apply: Option<PathBuf>,
    /// Why, for the audit trail
    ///
    /// 原因，记入审计
    #[arg(long, value_name = "TEXT", value_parser = args::reason)]
    pub reason: Option<String>,
}

/// Reviews, or takes over.
pub async fn run(args: &AdoptArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    match &args.apply {
        Some(path) => apply(args, path, global, app).await,
        None => review(args, global, app).await,
    }
}

/// The one target, or the one named.
pub fn only_target(name: Option<&TargetName>, app: &App) -> anyhow::Result<TargetName> {
    match (name, app.config().target.as_slice()) {
        (Some(name), _) => Ok(app.target(name)?.name.clone()),
        (None, [one]) => Ok(one.name.clone()),
        (None, _) => Err(Failure::usage(t!("cli.adopt.which"), t!("cli.next.target")).into()),
    }
}

async fn review(args: &AdoptArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let target = only_target(args.target.as_ref(), app)?;
    let links = match &args.link {
        Some(path) => links::read(path)
            .map_err(|e| Failure::new(ErrorKind::Links, e.to_string(), t!("cli.next.file")))?,
        None => BTreeMap::new(),
    };
    let store = app.store().await?;
    let bar = Bar::new(global);
    let asked = |more| bar.asked(more);
    let wish = Wish {
        target: &target,
        links,
        with_groups: args.suggest_map,
        stop: signals::stop()?,
        progress: &asked,
    };
    let reviewed = app.review(&store, wish).await;
    bar.done();
    let reviewed = reviewed?;
    let path = args.out.clone().unwrap_or_else(|| format!("adopt-{target}.json").into());
    reviewed.file.write(&path).map_err(Failure::from)?;
    output::answer(global.output, || &reviewed.file, || text(&reviewed, &path))?;
    // Stopped half-way: done as far as it went, and the next attempt goes on there.
    Ok(if reviewed.left > 0 { Exit::Partial } else { Exit::Done })
}

async fn apply(args: &AdoptArgs, path: &Path, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store().await?;
    let reason = args.reason.as_deref().unwrap_or_default();
    let (report, count) = app.take_over(&store, path, reason).await?;
    output::answer(
        global.output,
        || json!({ "version": 1, "target": report.target, "run_id": report.run_id, "adopted": count }),
        || {
            let done = t!("cli.adopt.done", count = count, target = report.target);
            let next = t!("cli.adopt.done_next");
            format!("{}\n  {next}\n", strong(&Tone::Good.paint(&done)))
        },
    )?;
    Ok(Exit::Done)
}

fn text(reviewed: &Reviewed, path: &Path) -> String {
    let (file, review) = (&reviewed.file, reviewed.file.review());
    let mut text = format!("{}\n", strong(&t!("report.target", name = file.target)));
    let strangers = review.strangers.as_ref().map_or(0, Vec::len);
    for line in [
        t!("cli.adopt.people", count = review.people.len()),
        t!("cli.adopt.ours", count = review.ours),
        t!("cli.adopt.absent", count = review.absent.len()),
        t!("cli.adopt.left_alone", count = review.left_alone.len()),
        match review.strangers {
            Some(_) => t!("cli.adopt.strangers", count = strangers),
            None => t!("cli.adopt.no_list"),
        },
    ] {
        text.push_str(&format!("  {line}\n"));
    }
    if review.unanswered > 0 {
        let line = t!("cli.adopt.unanswered", count = review.unanswered);
        text.push_str(&format!("  {}\n", Tone::Notice.paint(&line)));
    }
    text.push_str(&sections(review));
    text.push_str(&format!("\n{}\n", strong(&t!("cli.adopt.wrote", path = path.display()))));
    let apply = format!("rosterd adopt --apply {} --reason …", path.display());
    text.push_str(&format!("  {}\n", t!("cli.adopt.wrote_next", command = apply)));
    text
}

fn sections(review: &Review) -> String {
    let mut text = String::new();
    let changing: Vec<_> =
        review.people.iter().filter(|one| !one.changes.is_empty()).map(candidate).collect();
    list(&mut text, &t!("cli.adopt.changing", count = changing.len()), &changing);
    let obstacles = review.people.iter().filter(|one| !one.obstacles.is_empty()).map(|one| {
        let server = one.external_auth.as_deref().unwrap_or_default();
        t!("cli.adopt.external_auth", person = one.person, name = one.username, server = server).into_owned()
    });
    list(&mut text, &t!("cli.adopt.obstacles"), &obstacles.collect::<Vec<_>>());
    let similar = review.absent.iter().filter_map(|one| {
        let there = one.similar.as_ref()?;
        Some(t!("cli.adopt.similar", person = one.person, name = one.username, there = there).into_owned())
    });
    list(&mut text, &t!("cli.adopt.similar_title"), &similar.collect::<Vec<_>>());
    let left = review.left_alone.iter().map(|one| {
        format!("{} [{}]: {}", one.person, words::block_kind(one.reason.kind()), words::blocked(one))
    });
    list(&mut text, &t!("cli.adopt.left_alone_title"), &left.collect::<Vec<_>>());
    let held = review.then.held_by.iter().map(|held| format!("{}: {}", held.guard, words::held(held)));
    list(&mut text, &t!("cli.adopt.held"), &held.collect::<Vec<_>>());
    if !review.suggested_groups.is_empty() {
        text.push_str(&format!("\n{}\n", strong(&t!("cli.adopt.groups"))));
        text.push_str(&suggest::lines(&review.suggested_groups));
    }
    text
}

/// A title and the first lines of a sort; nothing where there are none.
pub fn list(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    text.push_str(&format!("\n{}\n", strong(title)));
    for line in lines.iter().take(SHOWN) {
        text.push_str(&format!("  {}\n", visible(line)));
    }
    if lines.len() > SHOWN {
        text.push_str(&format!("  {}\n", t!("cli.more", count = lines.len() - SHOWN)));
    }
}

fn candidate(one: &Candidate) -> String {
    let change = |(field, (before, after)): (&String, &(Option<String>, Option<String>))| {
        show::change(field, before.as_deref(), after.as_deref())
    };
    let changes = one.changes.iter().map(change).collect::<Vec<_>>().join(&words::comma());
    format!("{} ({}) {changes}", one.person, one.username)
}
