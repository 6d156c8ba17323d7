//! A run that rests on an earlier one, and what a run leaves so that later ones can. What allows it is decided in
//! `sync::rest`.

use std::collections::{BTreeMap, BTreeSet};

use super::Run;
use crate::clock::Clock;
use crate::gateway::Gateway;
use crate::mapping::Wanted;
use crate::model::PersonKey;
use crate::plan::{self, Looks, PlanInput};
use crate::report::{RunOutcome, TargetReport};
use crate::roster::{FileMark, Roster};
use crate::store::StoreError;
use crate::store::audit::Head;
use crate::store::quiet::{Quiet, Rest};
use crate::sync::rest::{self, Present, Why};
use crate::sync::summary;

impl<G: Gateway, C: Clock + Clone> Run<'_, G, C> {
    /// Looks for a run that this one may rest on, should the roster's bytes be the same.
    pub async fn look_for_rest(&mut self) {
        let target = &self.ground.target.name;
        match self.found_rest().await {
            Ok(Some((found, Ok(())))) => self.rest = Some(found),
            Ok(Some((_, Err(why)))) => {
                tracing::debug!(%target, ?why, "the roster is read whether its bytes are the same or not");
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%target, %error, "what an earlier run stood on could not be read"),
        }
    }

    async fn found_rest(&self) -> Result<Option<(Rest, Result<(), Why>)>, StoreError> {
        let (store, target) = (self.ground.store, &self.ground.target.name);
        let Some(found) = store.rest(target).await? else { return Ok(None) };
        let open = !self.recovery.words.is_empty() || !store.open_intents(target).await?.is_empty();
        let present = Present { order: self.order, row: &self.row, open, now: self.now() };
        let verdict = rest::may_rest(&found.quiet, &present);
        Ok(Some((found, verdict)))
    }

    /// What this run may rest on.
    pub const fn rest(&self) -> Option<&Rest> {
        self.rest.as_ref()
    }

    /// The files that the roster was read from, which later runs may find unchanged.
    #[must_use]
    pub fn read_from(mut self, files: Option<Vec<FileMark>>) -> Self {
        self.files = files;
        self
    }

    /// Ends a run whose roster is, byte for byte, that of the run it rests on.
    pub async fn end_resting(mut self) -> (TargetReport, Option<Head>) {
        let report = match self.rest.take() {
            Some(found) => rest::report(&self.ground.target.name, self.id, &found),
            None => self.failed(crate::sync::words::store_failed("no roster")).await,
        };
        self.close(report).await
    }

    /// Leaves what this run stood on, if it left nothing to do. Where that cannot be told or written, later runs do
    /// everything again.
    pub(super) async fn note_quiet(
        &self,
        report: &TargetReport,
        roster: &Roster,
        wanted: &BTreeMap<PersonKey, Wanted>,
    ) {
        let (store, target) = (self.ground.store, &self.ground.target.name);
        let noted = match self.quiet(report, roster, wanted).await {
            Ok(Some(quiet)) => store.note_quiet(target, self.id, quiet).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::warn!(%target, %error, "what this run stood on could not be kept");
        }
    }

    async fn quiet(
        &self,
        report: &TargetReport,
        roster: &Roster,
        wanted: &BTreeMap<PersonKey, Wanted>,
    ) -> Result<Option<Quiet>, StoreError> {
        let (store, order, target) = (self.ground.store, self.order, self.ground.target);
        let Some(files) = &self.files else { return Ok(None) };
        let whole = !order.dry && order.only.is_none() && order.undo.is_none() && !roster.partial;
        let done = matches!(report.outcome, RunOutcome::Applied | RunOutcome::NoChanges);
        if !whole || !done || self.row.dirty || !store.open_intents(&target.name).await?.is_empty() {
            return Ok(None);
        }
        let now = self.now();
        let snapshot = store.snapshot(&target.name).await?;
        let missing = |sources: &_| plan::missing(&snapshot, roster, sources);
        let past = store.past(&target.name, &roster.digest, missing, order.as_of, now).await?;
        let (looks, allow_guards) = (Looks::default(), BTreeSet::new());
        let input = PlanInput {
            as_of: order.as_of,
            now,
            target,
            account: self.ground.account,
            roster,
            wanted,
            snapshot: &snapshot,
            looks: &looks,
            past: &past,
            only: None,
            allow_guards: &allow_guards,
        };
        let again = self.planner.plan(&input);
        let read = (summary(roster), files.clone());
        Ok(rest::quiet(&input, &again, report, read, &order.config_digest))
    }
}
