//! The parts of `[[target]]` that have to be compiled before anybody can be judged by them: `select`, `protect`,
//! sensitive roles. Checking a configuration compiles them too, so that planning never meets a broken one.

use crate::config::TargetConfig;
use crate::mapping::{Condition, Globs, MappingConfigError, Verdict};
use crate::people::Person;

/// `[[target]]`, compiled.
#[derive(Debug, Clone)]
pub struct TargetRules {
    /// Whom the target is for.
    pub(super) select: Condition,
    /// User names that are never touched.
    pub(super) protect: Globs,
    /// Roles whose grants are counted.
    pub(super) sensitive: Globs,
}

impl TargetRules {
    /// Compiles a target's globs.
    ///
    /// # Errors
    /// If one of them is malformed; the error names the key.
    pub fn compile(target: &TargetConfig) -> Result<Self, MappingConfigError> {
        let place = |key: &str| format!("target.{}.{key}", target.name);
        Ok(Self {
            select: Condition::compile(&target.select, &place("select"))?,
            protect: Globs::new(&target.protect, &place("protect"))?,
            sensitive: Globs::new(&target.guard.sensitive_roles, &place("guard.sensitive_roles"))?,
        })
    }

    /// Whether the target is for this person.
    pub fn selects(&self, person: &Person) -> Verdict {
        if self.select.is_empty() { Verdict::Yes } else { self.select.judge(person) }
    }
}
