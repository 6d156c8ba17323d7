//! Templates over a person's fields. The syntax is `leon`'s: `{field}`, with `\{` for a brace. Which cells there are,
//! and as what text, is decided here too; what becomes of the text is `rules`' business.

use std::borrow::Cow;
use std::str::FromStr;

use super::error::MappingConfigError;
use super::rules::template;
use crate::model::Cell;
use crate::people::{Field, Person};

/// What a template's braces can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The person key.
    Key,
    /// A field of the roster.
    Field(Field),
}

impl FromStr for Source {
    type Err = ();
    fn from_str(name: &str) -> Result<Self, ()> {
        if name == "key" {
            return Ok(Self::Key);
        }
        Field::ALL.into_iter().find(|f| f.as_str() == name).map(Self::Field).ok_or(())
    }
}

/// A path as text, from cleaned segments.
pub(super) fn path(segments: &[String]) -> String {
    let mut text = String::with_capacity(segments.iter().map(|s| s.len() + 1).sum());
    for segment in segments {
        text.push('/');
        text.push_str(segment);
    }
    text
}

/// A cell with several values, as a slice.
pub(super) fn list<C: AsRef<[String]>>(cell: &Cell<C>) -> Cell<&[String]> {
    match cell {
        Cell::Value(all) if all.as_ref().is_empty() => Cell::Empty,
        Cell::Value(all) => Cell::Value(all.as_ref()),
        Cell::Empty => Cell::Empty,
        Cell::Unknown => Cell::Unknown,
    }
}

fn joined<'p>(cell: Cell<&'p [String]>, separator: &str) -> Cell<Cow<'p, str>> {
    match cell {
        Cell::Value([only]) => Cell::Value(Cow::Borrowed(only)),
        other => other.map(|all| Cow::Owned(all.join(separator))),
    }
}

/// One field of a person as text. Of several departments it is the first: the account's own.
pub(super) fn cell(person: &Person, field: Field) -> Cell<Cow<'_, str>> {
    fn day<'p>(cell: &Cell<chrono::NaiveDate>) -> Cell<Cow<'p, str>> {
        cell.map(|day| Cow::Owned(day.to_string()))
    }
    let text = match field {
        Field::Department => match &person.departments {
            Cell::Value(all) => all.first().map_or(Cell::Empty, |first| Cell::Value(Cow::Owned(path(first)))),
            Cell::Empty => Cell::Empty,
            Cell::Unknown => Cell::Unknown,
        },
        Field::Roles => joined(list(&person.roles), ","),
        Field::Phone => joined(list(&person.phones), ";"),
        Field::HireDate => day(&person.hire_date),
        Field::LeaveDate => day(&person.leave_date),
        Field::ExpiresOn => day(&person.expires_on),
        other => person.text.get(other).map(|text| Cow::Borrowed(*text)),
    };
    match text {
        Cell::Value(text) if text.trim().is_empty() => Cell::Empty,
        other => other,
    }
}

/// A template that must be filled in wholly, for texts that are not part of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonTemplate(Template);

impl PersonTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// If it is none, or names something that is no field.
    pub fn parse(text: &str) -> Result<Self, MappingConfigError> {
        template(text, "initial_password.template").map(Self)
    }

    /// The text for a person; `None` if a field that it names is empty or unknown.
    pub fn fill(&self, person: &Person) -> Option<String> {
        let rendered = self.0.render(|source| match source {
            Source::Key => Cell::Value(Cow::Borrowed(person.key.as_str())),
            Source::Field(field) => cell(person, field),
        });
        (rendered.empty.is_none() && rendered.unknown.is_none()).then_some(rendered.text)
    }
}

/// What a template gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rendered {
    /// The text, without the separators of what is missing.
    pub text: String,
    /// The first field that is unknown.
    pub unknown: Option<Source>,
    /// The first field that is empty.
    pub empty: Option<Source>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Source),
}

/// A template, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

/// Why a template cannot be used.
pub(super) enum TemplateError {
    /// Not the syntax of templates.
    Syntax(String),
    /// A name in braces that is no field.
    Unknown(String),
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let parsed = leon::Template::parse(text).map_err(|e| TemplateError::Syntax(e.to_string()))?;
        let mut parts = Vec::new();
        for item in parsed.items.iter() {
            match (item, parts.last_mut()) {
                // Escaped braces come as texts of their own; together with their neighbours they are one separator.
                (leon::Item::Text(text), Some(Part::Text(before))) => before.push_str(text),
                (leon::Item::Text(text), _) => parts.push(Part::Text((*text).to_owned())),
                (leon::Item::Key(name), _) => {
                    let source = name.parse().map_err(|()| TemplateError::Unknown((*name).to_owned()))?;
                    parts.push(Part::Value(source));
                }
            }
        }
        Ok(Self(parts))
    }

    /// Whether the template is nothing but this field.
    pub(super) fn is_only(&self, field: Field) -> bool {
        self.0 == [Part::Value(Source::Field(field))]
    }

    /// Whether the template speaks of this field.
    pub(super) fn has(&self, field: Field) -> bool {
        self.0.contains(&Part::Value(Source::Field(field)))
    }

    /// Whether the template speaks of no field at all.
    pub(super) fn is_constant(&self) -> bool {
        !self.0.iter().any(|part| matches!(part, Part::Value(_)))
    }

    /// Fills the template in. A value that is empty or unknown takes the text beside it along, so that `{name}-{position}`
    /// without a position gives the name alone.
    pub(super) fn render<'p>(&self, value: impl Fn(Source) -> Cell<Cow<'p, str>>) -> Rendered {
        let mut out = Rendered::default();
        // Texts that wait for a value because those before it were missing; nearly always there are none.
        let (mut waiting, mut literal, mut filled): (Vec<&str>, &str, bool) = (Vec::new(), "", false);
        for part in &self.0 {
            let source = match part {
                Part::Text(text) => {
                    literal = text;
                    continue;
                }
                Part::Value(source) => *source,
            };
            match value(source) {
                Cell::Value(text) => {
                    bridge(&mut out.text, &waiting, literal, Side::Before);
                    out.text.push_str(&text);
                    waiting.clear();
                    filled = true;
                }
                Cell::Empty => {
                    out.empty = out.empty.or(Some(source));
                    waiting.push(literal);
                }
                Cell::Unknown => {
                    out.unknown = out.unknown.or(Some(source));
                    waiting.push(literal);
                }
            }
            literal = "";
        }
        if filled || self.is_constant() {
            bridge(&mut out.text, &waiting, literal, Side::After);
        }
        out
    }
}

/// On which side of a gap the next value stands, and so which of its texts matters.
#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

/// Writes the text between two values. With values missing in between there are several texts; brackets that are left
/// empty vanish, and of the rest one is enough.
fn bridge(out: &mut String, waiting: &[&str], last: &str, side: Side) {
    let Some(first) = waiting.first() else {
        out.push_str(last);
        return;
    };
    let mut text = waiting.concat();
    text.push_str(last);
    for pair in ["()", "（）", "[]", "【】", "<>", "《》", "「」"] {
        text = text.replace(pair, "");
    }
    let edge = match side {
        Side::Before => Some(*first).filter(|edge| text.starts_with(edge)),
        Side::After => Some(last).filter(|edge| text.ends_with(edge)),
    };
    out.push_str(edge.unwrap_or(&text));
}
