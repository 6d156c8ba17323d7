//! Conditions over people (`when` of a rule, `select` of a target) and lists of globs (`roster_roles`, `protect`),
//! compiled once. What follows from them is decided elsewhere.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::error::MappingConfigError;
use super::template::{cell, list};
use crate::config::When;
use crate::model::{Cell, fold};
use crate::people::{Field, Person};

/// What a condition says of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// A cell that it asks for is unknown (or the department is empty), so nothing may follow from it.
    Unknown,
}

/// How globs are read. Either way without case and width, see [`fold`]: whoever writes the roster must not pass a rule by
/// spelling a word differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// `*` stops at `/`, `**` does not.
    Path,
    /// Names: `*` matches anything.
    Name,
}

fn compile<'g>(
    globs: impl IntoIterator<Item = &'g str>,
    sort: Sort,
    place: &str,
) -> Result<GlobSet, MappingConfigError> {
    let bad = |glob: &str, cause: globset::Error| MappingConfigError::BadGlob {
        place: place.to_owned(),
        glob: glob.to_owned(),
        cause: cause.kind().to_string(),
    };
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let built = GlobBuilder::new(&fold(glob)).literal_separator(sort == Sort::Path).build();
        set.add(built.map_err(|cause| bad(glob, cause))?);
    }
    set.build().map_err(|cause| bad("", cause))
}

/// `When`, compiled: every field's glob must match.
#[derive(Debug, Clone)]
pub struct Condition(Vec<(Field, GlobSet)>);

impl Condition {
    /// Compiles a condition. `place` names it in errors.
    ///
    /// # Errors
    /// If a glob is malformed.
    pub fn compile(when: &When, place: &str) -> Result<Self, MappingConfigError> {
        let test = |(field, glob): (&Field, &String)| {
            // `/a/**` means the department and all below it: people who sit in the department itself are meant too.
            let itself = glob.strip_suffix("/**").filter(|_| *field == Field::Department);
            let globs = [Some(glob.as_str()), itself].into_iter().flatten();
            compile(globs, Sort::Path, place).map(|set| (*field, set))
        };
        when.0.iter().map(test).collect::<Result<_, _>>().map(Self)
    }

    /// Whether it holds for everybody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Judges a person. Of several departments the first counts, of several roles or phones any.
    pub fn judge(&self, person: &Person) -> Verdict {
        let mut verdict = Verdict::Yes;
        for (field, globs) in &self.0 {
            match judge(*field, globs, person) {
                Verdict::No => return Verdict::No,
                Verdict::Unknown => verdict = Verdict::Unknown,
                Verdict::Yes => {}
            }
        }
        verdict
    }
}

fn judge(field: Field, globs: &GlobSet, person: &Person) -> Verdict {
    let list = match field {
        Field::Roles => Some(list(&person.roles)),
        Field::Phone => Some(list(&person.phones)),
        _ => None,
    };
    let holds = match (list, field) {
        (Some(Cell::Value(all)), _) => all.iter().any(|one| globs.is_match(fold(one))),
        (Some(Cell::Empty), _) => globs.is_match(""),
        (Some(Cell::Unknown), _) => return Verdict::Unknown,
        (None, field) => match cell(person, field) {
            Cell::Value(text) => globs.is_match(fold(&text)),
            // Nobody belongs to no department; taking that literally would deselect people for an empty cell.
            Cell::Empty if field == Field::Department => return Verdict::Unknown,
            Cell::Empty => globs.is_match(""),
            Cell::Unknown => return Verdict::Unknown,
        },
    };
    if holds { Verdict::Yes } else { Verdict::No }
}

fn any(globs: &[String]) -> bool {
    globs.iter().any(|glob| glob == "*" || glob == "**")
}

/// A list of globs over names.
#[derive(Debug, Clone)]
pub struct Globs {
    set: GlobSet,
    /// One of them is `*`: nothing has to be matched. That is the default for roles.
    any: bool,
}

impl Globs {
    /// Compiles globs over names, such as roles and protected users.
    ///
    /// # Errors
    /// If a glob is malformed.
    pub fn new(globs: &[String], place: &str) -> Result<Self, MappingConfigError> {
        // The default for roles matches anything, and need not be compiled for that.
        let all = globs == ["*"];
        let set = compile(globs.iter().map(String::as_str).filter(|_| !all), Sort::Name, place)?;
        Ok(Self { set, any: any(globs) })
    }

    /// Whether any of them matches.
    pub fn matches(&self, name: &str) -> bool {
        if self.any || self.set.is_empty() {
            return self.any;
        }
        self.set.is_match(fold(name))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && !self.any
    }
}
