//! The exit codes: one documented list, and how several are combined. Scripts rely on these numbers.

/// What the process says when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Failed: configuration, roster, gateway unreachable or refusing.
    Failed,
    /// Wrong usage.
    Usage,
    /// Done, but some accounts failed or are blocked by the gateway's answer.
    Partial,
    /// What a guard, a pause or a freeze held back was not sent.
    Held,
    /// Another run holds the target.
    Locked,
    /// The commit is not confirmed, or withheld.
    Unconfirmed,
    /// `--detailed-exitcode`: there are changes.
    Changes,
}

impl Exit {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Partial,
        Self::Held,
        Self::Locked,
        Self::Unconfirmed,
        Self::Changes,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::Held => 4,
            Self::Locked => 5,
            Self::Unconfirmed => 6,
            Self::Changes => 10,
        }
    }

    /// How much a code weighs when several apply: 6 over 1 over 4 over 5 over 3. A wrong usage is found before any
    /// target is touched, and *changes* is said only where 0 would be.
    const fn weight(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Changes => 1,
            Self::Partial => 2,
            Self::Locked => 3,
            Self::Held => 4,
            Self::Failed => 5,
            Self::Unconfirmed => 6,
            Self::Usage => 7,
        }
    }

    /// The weightier of two.
    pub const fn and(self, other: Self) -> Self {
        if other.weight() > self.weight() { other } else { self }
    }

    /// The exit with this number. One that is not in the list counts as a failure.
    pub fn from_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Failed)
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_over_one_over_four_over_five_over_three() {
        let order = [
            Exit::Unconfirmed,
            Exit::Failed,
            Exit::Held,
            Exit::Locked,
            Exit::Partial,
            Exit::Changes,
            Exit::Done,
        ];
        for (i, stronger) in order.iter().enumerate() {
            for weaker in &order[i..] {
                assert_eq!(stronger.and(*weaker), *stronger);
                assert_eq!(weaker.and(*stronger), *stronger);
            }
        }
    }

    #[test]
    fn numbers_are_the_documented_ones() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 5, 6, 10]);
        assert_eq!(Exit::from_code(77), Exit::Failed);
    }
}
