//! Breaking the engine on purpose, to prove that the simulation would notice. Only builds with the feature `simulation`
//! (tests and the `simulate` example) can switch a flaw on; everywhere else [`has`] is a constant `false`.

macro_rules! flaws {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// One way in which an engine like this one is got wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Flaw {
            $($(#[$doc])* $name,)*
        }

        impl Flaw {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name on the command line.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

flaws! {
    /// A call is journalled after it was sent.
    JournalAfterCall = "journal-after-call",
    /// A target becomes dirty when a call succeeds, not when it is journalled.
    DirtyOnSuccess = "dirty-on-success",
    /// A journalled call does not make its people unknown.
    NotUnknown = "not-unknown",
    /// The snapshot is written before the answer.
    SnapshotFirst = "snapshot-first",
    /// No usable answer counts as a no.
    TimeoutIsFailure = "timeout-is-failure",
    /// No usable answer counts as a yes.
    TimeoutIsSuccess = "timeout-is-success",
    /// Deleting a user who is not there is a failure.
    AbsentDeleteFails = "absent-delete-fails",
    /// A user found where one was to be added is never taken for ours.
    NoFallback = "no-fallback",
    /// A dirty target with nothing to send is not committed.
    NoEmptyCommit = "no-empty-commit",
    /// Dirty is cleared before the commit's answer.
    CleanBeforeAnswer = "clean-before-answer",
    /// An unanswered commit is sent again.
    CommitAgain = "commit-again",
    /// An unanswered commit counts as confirmed.
    CommitTimeoutIsSuccess = "commit-timeout-is-success",
    /// A confirmed commit clears dirty even while an outcome is unknown.
    CleanWhileUnknown = "clean-while-unknown",
    /// A look in the run that sent the call is final.
    LookIsFinal = "look-is-final",
    /// The first look of a later run is final, however early.
    NextLookIsFinal = "next-look-is-final",
    /// A look that gives nothing counts as "not there".
    BlindIsAbsent = "blind-is-absent",
    /// A disable that lands after a look is taken for somebody else's.
    DisableDisowned = "disable-disowned",
    /// Somebody whose add may still land is added under another name.
    SecondName = "second-name",
    /// A name in a call that may still land is given to somebody else.
    NameReusedEarly = "name-reused-early",
    /// An update sends planned values for fields that are not managed.
    UnmanagedSent = "unmanaged-sent",
    /// A user who is gone at the look is no change that needs a commit.
    GoneForgotten = "gone-forgotten",
    /// A refusal of the token does not end the run.
    TokenGoesOn = "token-goes-on",
    /// Another number on the device is not noticed.
    NumberUnnoticed = "number-unnoticed",
    /// A user whose name "exists already" is ours if the values fit.
    ExistsIsOurs = "exists-is-ours",
    /// A rename is found done on somebody else's account.
    RenamedElsewhere = "renamed-elsewhere",
    /// A status that nobody knows means that somebody left.
    UnknownIsLeft = "unknown-is-left",
    /// Who is missing once is gone.
    MissingAtOnce = "missing-at-once",
    /// A key stands for the same human for ever.
    IdentityIgnored = "identity-ignored",
    /// Guards that count people sleep.
    GuardsAsleep = "guards-asleep",
    /// An approval of a guard covers whatever is behind it.
    ApprovesAnything = "approves-anything",
    /// An approval is not used up.
    ApprovalStays = "approval-stays",
    /// The last working day is the first without an account.
    LastDayIsGone = "last-day-is-gone",
    /// Who comes back stays disabled.
    ReturnerStaysOut = "returner-stays-out",
    /// Who left keeps the account until they are missing.
    LeaverStays = "leaver-stays",
    /// A held plan is carried out all the same.
    HeldIsSent = "held-is-sent",
    /// A held plan is told to nobody.
    HeldIsQuiet = "held-is-quiet",
    /// Whose key was given to another human is forgotten with their account.
    RetiredStays = "retired-stays",
}

impl Flaw {
    /// Whether it takes a company with people and hands to see it: `simulation::company` has those.
    pub fn is_about_people(self) -> bool {
        self >= Self::UnmanagedSent
    }
}

impl std::str::FromStr for Flaw {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.iter().map(|flaw| flaw.as_str()).collect::<Vec<_>>().join(", ");
        Self::ALL.iter().copied().find(|flaw| flaw.as_str() == text).ok_or_else(known)
    }
}

#[cfg(feature = "simulation")]
mod switch {
    use std::cell::Cell;

    use super::Flaw;

    thread_local! {
        static FLAW: Cell<Option<Flaw>> = const { Cell::new(None) };
    }

    /// Breaks the engine on this thread, or mends it. Everything of a simulated run happens on one thread.
    pub fn set(flaw: Option<Flaw>) {
        FLAW.set(flaw);
    }

    /// Whether the engine is broken in this way.
    pub fn has(flaw: Flaw) -> bool {
        FLAW.get() == Some(flaw)
    }

    /// For tests: this thread's engine is broken until this is dropped.
    pub struct Broken(());

    impl Broken {
        /// Switches the flaw on.
        pub fn by(flaw: Flaw) -> Self {
            set(Some(flaw));
            Self(())
        }
    }

    impl Drop for Broken {
        fn drop(&mut self) {
            set(None);
        }
    }
}

#[cfg(feature = "simulation")]
pub use switch::set;
#[cfg(feature = "simulation")]
pub use switch::{Broken, has};

/// Whether the engine is broken in this way.
#[cfg(not(feature = "simulation"))]
pub const fn has(_: Flaw) -> bool {
    false
}
