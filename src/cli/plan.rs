//! `rosterd plan`: shows what a sync would do, and can keep it for `sync --plan`.

use super::args::{Global, PlanArgs};
use super::exit::Exit;
use super::{output, signals, sync};
use crate::app::App;
use crate::app::plan_file::{GivenRoster, PlanFile};
use crate::app::sync::Request;
use crate::store::journal::Trigger;

/// Plans and shows.
pub async fn run(args: &PlanArgs, global: &Global, app: &App) -> anyhow::Result<Exit> {
    let store = app.store().await?;
    let roster = sync::given(&args.roster)?;
    let request = Request {
        dry: true,
        offline: args.offline,
        targets: args.target.clone(),
        roster: roster.clone(),
        ..Request::all(Trigger::Cli, signals::stop()?)
    };
    let answer = sync::carry_out(request, global, app, &store).await?;
    sync::show(&answer, args.output.output, args.full)?;
    let exit = sync::exit(&answer);
    if let Some(path) = args.out.as_ref().filter(|_| answer.roster_error.is_none()) {
        let roster = roster.map(|given| GivenRoster { path: given.path, authoritative: given.authoritative });
        PlanFile::of(&answer.report, roster).write(path)?;
        output::note(&sync::wrote(path));
    }
    let changed = args.detailed_exitcode && exit == Exit::Done && sync::has_changes(&answer.report);
    Ok(if changed { Exit::Changes } else { exit })
}
