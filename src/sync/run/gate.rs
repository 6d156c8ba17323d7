//! Whoever is asked before the first change of a run: a plan that does not pass is held as a whole, as by a guard. That
//! hold is no part of the stored plan, and no approval lifts it: whoever was asked is asked again next time.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Planned, Run};
use crate::clock::Clock;
use crate::config::GuardHold;
use crate::gateway::Gateway;
use crate::plan::Held;
use crate::report::SyncReport;
use crate::roster::Roster;
use crate::store::StoreError;
use crate::store::audit::Record;
use crate::sync::{outcome, summary};
use rosterd_core::reason::{Behind, Guard, HeldBy};

impl<G: Gateway, C: Clock + Clone> Run<'_, G, C> {
    /// Asks, where something would be sent and nothing holds it yet, and records what was said.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) async fn ask_gate(&self, planned: &mut Planned, roster: &Roster) -> Result<(), StoreError> {
        let Some(gate) = self.ground.gate.filter(|_| !self.order.dry) else { return Ok(()) };
        if planned.plan.held_as_a_whole() || !planned.plan.has_work() {
            return Ok(());
        }
        let name = &self.ground.target.name;
        let mut report = outcome::report(name, self.id, &planned.plan);
        report.plan = Some(outcome::plan_ref(planned.id, &planned.digest));
        outcome::dry(&mut report, &planned.plan);
        let shown = SyncReport {
            version: 1,
            dry_run: false,
            as_of: self.order.as_of,
            roster: summary(roster),
            targets: vec![report],
        };
        let Some(ended) = gate.ask(&shown).await else { return Ok(()) };
        let body = json!({ "hook": "before_apply", "ended": ended });
        self.ground.store.audit(Record::new("hook_ended", self.now()).on(name, self.id).body(body)).await?;
        if !ended.is_good() {
            let behind = Behind::Hook { late: ended.late, code: ended.code, said: ended.said };
            planned.plan.held_by.push(Held {
                by: HeldBy::brake(Guard::Hook, behind),
                hold: GuardHold::All,
                set: BTreeSet::new(),
            });
        }
        Ok(())
    }
}
