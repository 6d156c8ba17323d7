//! A run or a plan for people: what was read, per target a summary by kind, changed field and department, the
//! actions, whom and what was held back and why, and at the very end one line with the numbers. Knows no terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rust_i18n::t;

use super::grid::{Grid, Tone, strong};
use super::words;
use super::{ActionLine, CommitState, Estimate, RunOutcome, SyncReport, TargetReport, TargetState};
use crate::model::visible;
use crate::plan::{ActionKind, Change, Counts};
use crate::reason::{BlockKind, HeldBy};

/// How many actions, people or rows a list shows unless everything is asked for.
const SHOWN: usize = 40;
/// How many departments the summary shows unless everything is asked for.
const DEPARTMENTS: usize = 10;

/// How to show a report.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Every action, not only the first ones.
    pub full: bool,
    /// Columns to wrap at; `None`: never.
    pub width: Option<u16>,
    /// Rows of the roster that were refused.
    pub refused: Vec<RefusedRow>,
}

impl View {
    fn shown(&self, all: usize, limit: usize) -> usize {
        if self.full { all } else { all.min(limit) }
    }
}

/// A row of the roster that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRow {
    /// File and line.
    pub place: String,
    /// Column, if it is about one.
    pub column: Option<String>,
    /// What is wrong with it, and what to do.
    pub problem: String,
}

/// The whole report as text, colours included.
pub fn render(report: &SyncReport, view: &View) -> String {
    let mut out = roster(report);
    out.push_str(&refused(view));
    if report.roster.refused > 0 && report.targets.iter().any(|target| target.same_as.is_some()) {
        let _ = writeln!(out, "{}", t!("report.refused_before"));
    }
    for target in &report.targets {
        out.push('\n');
        out.push_str(&section(target, view));
    }
    out.push('\n');
    for target in &report.targets {
        out.push_str(&last_line(target, report.targets.len() > 1));
    }
    out
}

/// One target's part of a report, for a run that is looked up later.
pub fn render_target(target: &TargetReport, view: &View) -> String {
    format!("{}\n{}", section(target, view), last_line(target, false))
}

fn roster(report: &SyncReport) -> String {
    let r = &report.roster;
    let files: usize = r.sources.iter().map(|s| s.files.len()).sum();
    let files = u64::try_from(files).unwrap_or(u64::MAX);
    let line = t!(
        "report.roster",
        files = words::plural(
            files,
            t!("report.files.one", count = files),
            t!("report.files.many", count = files)
        ),
        rows = words::plural(
            r.rows,
            t!("report.rows.one", count = r.rows),
            t!("report.rows.many", count = r.rows)
        ),
        accepted = r.accepted,
        refused = r.refused,
        day = report.as_of
    );
    format!("{line}\n")
}

fn refused(view: &View) -> String {
    let all = view.refused.len();
    if all == 0 {
        return String::new();
    }
    let mut grid = Grid::new(2, view.width);
    let shown = view.shown(all, SHOWN);
    for row in &view.refused[..shown] {
        grid.row(&[
            (row.place.as_str(), Tone::Faint),
            (row.column.as_deref().unwrap_or(""), Tone::Plain),
            (&row.problem, Tone::Plain),
        ]);
    }
    let title = t!("report.refused_rows", count = all);
    format!("\n{}\n{}{}", strong(&title), grid.render(), more(all - shown))
}

fn more(hidden: usize) -> String {
    if hidden == 0 { String::new() } else { format!("  {}\n", t!("report.more", count = hidden)) }
}

fn section(target: &TargetReport, view: &View) -> String {
    let mut out = format!("{}\n", strong(&t!("report.target", name = target.target)));
    for line in &target.recovered {
        let _ = writeln!(out, "  {}", Tone::Notice.paint(&t!("report.recovered", what = visible(line))));
    }
    for line in &target.warnings {
        let _ = writeln!(out, "  {}", Tone::Notice.paint(&t!("report.warning", what = visible(line))));
    }
    if let Some(same) = &target.same_as {
        let _ = writeln!(out, "  {}", t!("report.same_as", run = same.run_id));
    }
    out.push_str(&kinds(target, view));
    out.push_str(&takes(target));
    out.push_str(&departments(target, view));
    out.push_str(&actions(target, view));
    out.push_str(&blocked(target, view));
    out.push_str(&failures(target, view));
    out.push_str(&held(target));
    if let Some(error) = &target.error {
        let _ = writeln!(out, "\n  {}", Tone::Bad.paint(&visible(&error.message)));
        if !error.next.is_empty() {
            let _ = writeln!(out, "  {}", visible(&error.next));
        }
    }
    out
}

const fn tone(kind: ActionKind) -> Tone {
    match kind {
        ActionKind::Add | ActionKind::Enable => Tone::Good,
        ActionKind::Adopt | ActionKind::Update | ActionKind::Rename => Tone::Notice,
        ActionKind::Disable | ActionKind::Delete => Tone::Bad,
    }
}

/// One row per kind: how many people, and why, or which fields.
fn kinds(target: &TargetReport, view: &View) -> String {
    let mut grid = Grid::new(2, view.width);
    for (kind, count) in words::by_kind(&target.counts) {
        if count > 0 {
            let name = format!("{} {}", words::sign(kind), words::kind(kind));
            grid.row(&[
                (name, tone(kind)),
                (count.to_string(), Tone::Plain),
                (why(target, kind), Tone::Faint),
            ]);
        }
    }
    if grid.is_empty() {
        return String::new();
    }
    grid.right(1);
    let mut out = grid.render();
    if !target.changed_fields.is_empty() {
        let fields: Vec<_> =
            target.changed_fields.iter().map(|(name, n)| format!("{} {n}", words::field(name))).collect();
        let _ = writeln!(out, "  {}", t!("report.changed_fields", fields = fields.join(&words::comma())));
    }
    out
}

/// The reasons behind a kind, counted, where the actions are at hand.
fn why(target: &TargetReport, kind: ActionKind) -> String {
    let mut reasons = std::collections::BTreeMap::new();
    for action in target.actions.iter().flatten().filter(|a| a.kind == kind && a.withheld_by.is_none()) {
        *reasons.entry(action.reason).or_insert(0u64) += 1;
    }
    reasons
        .iter()
        .map(|(r, n)| format!("{} {n}", words::reason(*r)))
        .collect::<Vec<_>>()
        .join(&words::comma())
}

/// The departments that people of this plan go to, the largest first.
fn departments(target: &TargetReport, view: &View) -> String {
    let mut groups: Vec<_> = target.groups.iter().filter(|g| g.people > 0).collect();
    if groups.is_empty() {
        return String::new();
    }
    groups.sort_by(|a, b| b.people.cmp(&a.people).then_with(|| a.path.cmp(&b.path)));
    // A group that is not there matters more than its size: it is never among those left out.
    groups.sort_by_key(|g| words::group_state(g.state).is_none());
    let wanting = groups.iter().filter(|g| words::group_state(g.state).is_some()).count();
    let shown = view.shown(groups.len(), DEPARTMENTS.max(wanting));
    let mut grid = Grid::new(2, view.width);
    for group in &groups[..shown] {
        let state = words::group_state(group.state);
        grid.row(&[
            (group.path.as_str(), Tone::Plain),
            (&group.people.to_string(), Tone::Plain),
            (state.as_deref().unwrap_or(""), Tone::Notice),
        ]);
    }
    grid.right(1);
    format!("\n  {}\n{}{}", t!("report.departments"), grid.render(), more(groups.len() - shown))
}

fn actions(target: &TargetReport, view: &View) -> String {
    let Some(actions) = target.actions.as_deref().filter(|a| !a.is_empty()) else {
        return String::new();
    };
    let shown = view.shown(actions.len(), SHOWN);
    let mut grid = Grid::new(2, view.width);
    for action in &actions[..shown] {
        grid.row(&action_row(action));
    }
    format!("\n  {}\n{}{}", t!("report.actions"), grid.render(), more(actions.len() - shown))
}

/// One action on lines of its own, for one person's story.
pub fn action_text(action: &ActionLine) -> String {
    let [kind, who, why, _, what] = action_row(action);
    let mut text = format!("{}  {}  {}", kind.1.paint(&kind.0), visible(&who.0), why.0);
    for line in what.0.lines() {
        let _ = write!(text, "\n    {}", visible(line));
    }
    text
}

fn action_row(action: &ActionLine) -> [(String, Tone); 5] {
    let who = if action.person.as_str() == action.username.as_str() {
        action.username.to_string()
    } else {
        format!("{} ({})", action.username, action.person)
    };
    let mut what = changes(action);
    if let Some(brake) = action.withheld_by {
        let line = t!("report.withheld_by", brake = words::brake(brake));
        what = if what.is_empty() { line.into_owned() } else { format!("{line}\n{what}") };
    }
    [
        (format!("{} {}", words::sign(action.kind), words::kind(action.kind)), tone(action.kind)),
        (who, Tone::Plain),
        (words::reason(action.reason).into_owned(), Tone::Plain),
        (action.source.as_ref().map(ToString::to_string).unwrap_or_default(), Tone::Faint),
        (what, Tone::Plain),
    ]
}

/// For a new account its values on one line; for a change one line per field, before and after.
fn changes(action: &ActionLine) -> String {
    let one = |(name, change): (&String, &Change)| match change {
        (_, after) if action.kind == ActionKind::Add => match after.as_deref() {
            None | Some("") => None,
            Some(value) => Some(format!("{} {value}", words::field(name))),
        },
        (before, after) => Some(format!(
            "{}: {} → {}",
            words::field(name),
            words::value(before.as_deref()),
            words::value(after.as_deref())
        )),
    };
    let parts: Vec<_> = action.changes.iter().filter_map(one).collect();
    parts.join(if action.kind == ActionKind::Add { " · " } else { "\n" })
}

fn blocked(target: &TargetReport, view: &View) -> String {
    let all = target.blocked.len();
    if all == 0 {
        return String::new();
    }
    let shown = view.shown(all, SHOWN);
    let mut grid = Grid::new(2, view.width);
    for line in &target.blocked[..shown] {
        let place = match (&line.file, line.line) {
            (Some(file), Some(number)) => format!("{file}:{number}"),
            (Some(file), None) => file.to_string(),
            (None, _) => "–".to_owned(),
        };
        let since = t!("report.since", day = line.since);
        let kind = words::block_kind(line.reason.kind());
        grid.row(&[
            (place.as_str(), Tone::Faint),
            (line.person.as_str(), Tone::Plain),
            (&kind, Tone::Notice),
            (&words::blocked(line), Tone::Plain),
            (&since, Tone::Faint),
        ]);
    }
    let title = t!("report.blocked", count = all);
    let reasons = if shown < all { reasons(target) } else { String::new() };
    format!("\n  {title}\n{reasons}{}{}", grid.render(), more(all - shown))
}

/// How many are left alone for which reason, where not everybody is listed.
fn reasons(target: &TargetReport) -> String {
    let mut counts: BTreeMap<BlockKind, u64> = BTreeMap::new();
    for line in &target.blocked {
        *counts.entry(line.reason.kind()).or_default() += 1;
    }
    let count = |(kind, count): (&BlockKind, &u64)| format!("{} {count}", words::block_kind(*kind));
    let counts: Vec<_> = counts.iter().map(count).collect();
    format!("  {}\n", t!("report.blocked_by", counts = counts.join(&words::comma())))
}

fn failures(target: &TargetReport, view: &View) -> String {
    let all = target.failures.len();
    if all == 0 {
        return String::new();
    }
    let shown = view.shown(all, SHOWN);
    let mut grid = Grid::new(2, view.width);
    for failure in &target.failures[..shown] {
        let code = failure.code.map(|c| t!("report.code", code = c).into_owned()).unwrap_or_default();
        grid.row(&[
            (failure.username.as_str(), Tone::Plain),
            (&words::kind(failure.kind), tone(failure.kind)),
            (&code, Tone::Bad),
            (&failure.message, Tone::Plain),
        ]);
    }
    format!("\n  {}\n{}{}", t!("report.failures", count = all), grid.render(), more(all - shown))
}

/// What holds the plan, and what was let pass.
fn held(target: &TargetReport) -> String {
    let mut out: String = target.held_by.iter().map(|held| held_lines(held, &target.run_id)).collect();
    if let Some(approval) = &target.approval {
        let guards = words::guards(&approval.guards);
        let line =
            t!("report.approved", guards = guards, by = approval.by, reason = visible(&approval.reason));
        let _ = writeln!(out, "\n  {line}");
    }
    out
}

/// One brake: name, figure, limit, and how to go on. The plan cannot know which run carries it, so the run's number is
/// put in where its words leave room for it.
pub fn held_lines(held: &HeldBy, run: &str) -> String {
    let HeldBy { guard, limit, actual, behind: _ } = held;
    let detail = words::held(held);
    let line = match (actual, limit) {
        (Some(actual), Some(limit)) => {
            t!("report.held_figures", guard = guard, actual = actual, limit = limit)
        }
        _ => t!("report.held", guard = guard),
    };
    let mut out = format!("\n  {}\n", Tone::Bad.paint(&line));
    if !detail.is_empty() {
        let detail = visible(&detail);
        let said = ["RUN", "运行编号"].iter().fold(detail.into_owned(), |text, word| {
            text.replace(&format!("approve {word}"), &format!("approve {run}"))
        });
        let _ = writeln!(out, "  {said}");
    }
    out
}

/// The line with the numbers. It names the target where there are several, and says what a state other than clean
/// asks for.
fn last_line(target: &TargetReport, name_it: bool) -> String {
    let line = one_line(target);
    let line = if name_it { format!("{}  {line}", target.target) } else { line };
    let line = strong(&outcome_tone(target).paint(&line));
    format!("{line}\n{}", aftermath(target))
}

/// How long it will take, where that is worth knowing.
fn takes(target: &TargetReport) -> String {
    match target.estimate {
        Some(Estimate { calls, seconds }) if seconds >= 60 => {
            // People plan with minutes, and with hours.
            let time = std::time::Duration::from_secs(seconds - seconds % 60);
            let time = humantime::format_duration(time);
            format!("  {}\n", t!("report.takes", time = time, calls = calls))
        }
        _ => String::new(),
    }
}

/// What became of a target, on one plain line.
pub fn one_line(target: &TargetReport) -> String {
    match target.error.is_some() && target.counts == Counts::default() {
        // It ended before there was a plan: there are no numbers to tell.
        true => words::outcome(target.outcome).into_owned(),
        false => numbers(target),
    }
}

fn numbers(target: &TargetReport) -> String {
    let c = &target.counts;
    let sent = target.calls.mutations > 0;
    let said = |(kind, n): (ActionKind, u64)| {
        (n > 0).then(|| if sent { words::done(kind, n) } else { words::planned(kind, n) })
    };
    let mut parts: Vec<_> = words::by_kind(c).into_iter().filter_map(said).collect();
    parts.push(t!("report.count.unchanged", count = c.unchanged));
    for (count, text) in [
        (c.withheld, t!("report.count.withheld", count = c.withheld)),
        (c.blocked, t!("report.count.blocked", count = c.blocked)),
        (c.failed, t!("report.count.failed", count = c.failed)),
    ] {
        if count > 0 {
            parts.push(text);
        }
    }
    let mut line = t!(
        "report.last_line",
        outcome = words::outcome(target.outcome),
        numbers = parts.join(&words::comma())
    )
    .into_owned();
    if target.outcome != RunOutcome::Planned {
        let _ = write!(line, "{}", t!("report.last_line_calls", calls = calls(target)));
    }
    line
}

fn calls(target: &TargetReport) -> String {
    let calls = &target.calls;
    let changes = words::plural(
        calls.mutations,
        t!("report.calls.one", count = calls.mutations),
        t!("report.calls.many", count = calls.mutations),
    );
    let commits = match target.commit {
        CommitState::None => words::commit(CommitState::None).into_owned(),
        state if calls.commits == 0 => t!("report.commits.zero", state = words::commit(state)).into_owned(),
        state => words::plural(
            calls.commits,
            t!("report.commits.one", count = calls.commits, state = words::commit(state)),
            t!("report.commits.many", count = calls.commits, state = words::commit(state)),
        )
        .into_owned(),
    };
    [changes.into_owned(), commits, words::duration(target.duration_ms)].join(&words::comma())
}

const fn outcome_tone(target: &TargetReport) -> Tone {
    match target.outcome {
        RunOutcome::NoChanges | RunOutcome::Planned | RunOutcome::Applied => Tone::Good,
        RunOutcome::Partial | RunOutcome::Held | RunOutcome::Locked => Tone::Notice,
        RunOutcome::Failed | RunOutcome::Unconfirmed => Tone::Bad,
    }
}

fn aftermath(target: &TargetReport) -> String {
    let text = match target.state {
        TargetState::Clean => return String::new(),
        TargetState::Dirty => t!("report.after.dirty"),
        TargetState::Quarantined => t!("report.after.quarantined"),
        TargetState::Paused => t!("report.after.paused", name = target.target),
    };
    format!("{text}\n")
}
