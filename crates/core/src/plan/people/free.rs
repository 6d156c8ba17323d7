//! Whether a person may get a name now: whose it is, whose it was, and what calls that may still land would do with it.

use super::{Block, Decider, comma};
use crate::model::{PersonKey, Username};
use crate::plan::input::InFlight;
use crate::reason::{BlockReason, NameInUse, Pending};
use crate::sabotage::{Flaw, has};

impl Decider<'_> {
    /// Whether a person may get this name now: nobody else has it, or had it before a commit that is still to come, and
    /// no call that may still land would bring them a second user.
    pub(super) fn free(&self, person: &PersonKey, name: &Username) -> Result<(), Block> {
        self.unprotected(name)?;
        if !self.input.target.dialect.capabilities().comma_in_names && name.as_str().contains(',') {
            return Err(comma(name));
        }
        if let Some(holder) = self.names.holder(name, person) {
            return Err(in_use(NameInUse::Held { name: name.clone(), by: holder.clone() }));
        }
        if self.uncommitted.get(&name.folded()).is_some_and(|whose| *whose != person) {
            return Err(in_use(NameInUse::Uncommitted { name: name.clone() }));
        }
        let folded = name.folded();
        let mut people = self.in_flight.get(&folded).into_iter().flatten();
        if !has(Flaw::NameReusedEarly)
            && let Some(other) = people.find(|other| **other != person)
        {
            return Err(in_use(NameInUse::InFlight { name: name.clone(), by: (*other).clone() }));
        }
        self.alone(person, name)
    }

    /// Whether a user may be made for a person under this name now.
    pub(super) fn free_for_new(&self, person: &PersonKey, name: &Username) -> Result<(), Block> {
        self.free(person, name)?;
        self.stays(person, name)
    }

    /// Whether no add of this person under another name may still land: it would leave them with two users.
    fn alone(&self, person: &PersonKey, name: &Username) -> Result<(), Block> {
        match self.calls_of(person).and_then(|calls| calls.added.iter().find(|added| *added != name)) {
            Some(added) => Err(BlockReason::UnknownOutcome(Pending::Add { name: added.clone() }).into()),
            None => Ok(()),
        }
    }

    /// Whether no rename of this person from this name may still land: it would take the new user away, and a late
    /// first attempt at the add would then make a second one.
    fn stays(&self, person: &PersonKey, name: &Username) -> Result<(), Block> {
        match self.calls_of(person).is_some_and(|calls| calls.renamed.contains(name)) {
            true => Err(BlockReason::UnknownOutcome(Pending::Rename { name: name.clone() }).into()),
            false => Ok(()),
        }
    }

    /// This person's calls that may still land.
    fn calls_of(&self, person: &PersonKey) -> Option<&InFlight> {
        self.input.past.in_flight.get(person).filter(|_| !has(Flaw::SecondName))
    }
}

fn in_use(why: NameInUse) -> Block {
    BlockReason::NameInUse(why).into()
}
