//! The choices of one schedule of the small world: a beginning that is given, then always the first.

use std::time::Duration;

use rosterd::gateway::WhyKind;

use super::faults::Fault;

/// What can happen to a call here. A late one lands before the second run, or after it.
const FATES: [(Fault, Option<Duration>); 6] = [
    (Fault::None, None),
    (Fault::Before(WhyKind::Timeout), None),
    (Fault::After(WhyKind::Timeout), None),
    (Fault::Late, Some(SOON)),
    (Fault::Late, Some(LATE)),
    (Fault::Refused, None),
];

/// When calls of the first run land that do so before the second, counted from its beginning. No run takes so long.
const SOON: Duration = Duration::from_secs(200);
/// When those land that do so after the second run; their tokens still live.
pub(super) const LATE: Duration = Duration::from_secs(290);

/// The choices of one schedule: a beginning that is given, then always the first.
#[derive(Debug, Clone, Default)]
pub struct Script {
    given: Vec<u8>,
    /// What was chosen, out of how many.
    taken: Vec<(u8, u8)>,
    faults: bool,
    deaths: bool,
    /// When the call in hand lands, if it is a late one, and whether it did or will do anything.
    lands: Option<Duration>,
    has_effect: bool,
    began: Duration,
}

impl Script {
    /// A script that begins so.
    pub fn beginning(given: Vec<u8>) -> Self {
        Self { given, ..Self::default() }
    }

    /// A run begins at this time, with these choices.
    pub const fn allow(&mut self, faults: bool, deaths: bool, began: Duration) {
        (self.faults, self.deaths, self.began) = (faults, deaths, began);
    }

    fn choose(&mut self, of: u8) -> u8 {
        let choice = self.given.get(self.taken.len()).copied().unwrap_or(0);
        self.taken.push((choice, of));
        choice
    }

    pub(super) fn dies(&mut self) -> bool {
        let dies = self.deaths && self.choose(2) == 1;
        self.deaths &= !dies;
        dies
    }

    /// Whether the process dies before the answer of the call in hand arrives.
    pub(super) fn dies_unanswered(&mut self) -> bool {
        self.has_effect && self.dies()
    }

    pub(super) fn fault(&mut self) -> Fault {
        let choice = if self.faults { self.choose(FATES.len() as u8) } else { 0 };
        let (fault, lands) = FATES.get(usize::from(choice)).copied().unwrap_or((Fault::None, None));
        self.lands = lands.map(|after| self.began + after);
        self.has_effect = !matches!(fault, Fault::Before(_) | Fault::Refused);
        fault
    }

    /// When the call in hand lands.
    pub(super) const fn lands(&self) -> Option<Duration> {
        self.lands
    }

    /// The beginnings of all schedules that leave this one where it was free to choose.
    pub fn branches(&self) -> Vec<Vec<u8>> {
        let chosen: Vec<u8> = self.taken.iter().map(|(choice, _)| *choice).collect();
        let mut all = Vec::new();
        for (at, (_, of)) in self.taken.iter().enumerate().skip(self.given.len()) {
            let before = chosen.get(..at).unwrap_or_default();
            all.extend((1..*of).map(|other| [before, &[other]].concat()));
        }
        all
    }
}
