//! Where each department's people already are: the beginning of a `group_map` for a gateway whose groups have grown by
//! hand. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::GroupPath;

/// A department, and the group in which most of its people are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The department's path, as the roster has it.
    pub department: String,
    /// The group.
    pub group: GroupPath,
    /// How many of its people are there.
    pub people: u64,
    /// How many of its people are on the gateway.
    pub of: u64,
}

/// From pairs of department and group to suggestions: for each department the group of more than half of its people.
/// What follows from the department above (the same group with the rest of the path) is left out, and so is a department
/// whose people are where its own path says.
pub fn suggest<'a>(pairs: impl Iterator<Item = (&'a [String], &'a GroupPath)>) -> Vec<Suggestion> {
    let mut seen: BTreeMap<&[String], BTreeMap<&GroupPath, u64>> = BTreeMap::new();
    for (department, group) in pairs {
        *seen.entry(department).or_default().entry(group).or_default() += 1;
    }
    let mut made: BTreeMap<&[String], GroupPath> = BTreeMap::new();
    let mut suggestions = Vec::new();
    // In order, so that a department comes after the one above it.
    for (department, groups) in seen {
        let of: u64 = groups.values().sum();
        // The first of equals, so that the result does not depend on chance.
        let Some((group, people)) = groups.into_iter().rev().max_by_key(|(_, people)| *people) else {
            continue;
        };
        if people * 2 <= of || follows(&made, department).as_ref() == Some(group) {
            continue;
        }
        made.insert(department, group.clone());
        suggestions.push(Suggestion { department: path(department), group: group.clone(), people, of });
    }
    suggestions
}

/// Where a department's people go by the suggestions made so far.
fn follows(made: &BTreeMap<&[String], GroupPath>, department: &[String]) -> Option<GroupPath> {
    let above = (0..=department.len()).rev().find_map(|n| Some((n, made.get(&department[..n])?)));
    let (n, base) = above.map_or((0, None), |(n, group)| (n, Some(group)));
    let start = base.into_iter().flat_map(GroupPath::segments);
    GroupPath::from_segments(start.chain(department[n..].iter().map(String::as_str))).ok()
}

fn path(department: &[String]) -> String {
    department.iter().map(|segment| format!("/{segment}")).collect()
}

/// The suggestions as configuration.
pub fn lines(suggestions: &[Suggestion]) -> String {
    let mut text = String::from("[account.group_map]\n");
    for Suggestion { department, group, people, of } in suggestions {
        // What JSON escapes in a text, TOML escapes in the same way.
        let quote = |text: &str| serde_json::Value::from(text).to_string();
        text.push_str(&format!("{} = {}  # {people}/{of}\n", quote(department), quote(group.as_str())));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(pairs: &[(&str, &str)]) -> Vec<(String, String, u64, u64)> {
        let split = |text: &str| text.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
        let pairs: Vec<(Vec<String>, GroupPath)> =
            pairs.iter().map(|(d, g)| (split(d), GroupPath::new(g).unwrap())).collect();
        let made = suggest(pairs.iter().map(|(d, g)| (d.as_slice(), g)));
        made.into_iter().map(|s| (s.department, s.group.to_string(), s.people, s.of)).collect()
    }

    #[test]
    fn the_majority_decides_and_what_follows_is_not_said_twice() {
        let pairs = [
            ("/总公司/销售部", "/Sales"),
            ("/总公司/销售部", "/Sales"),
            ("/总公司/销售部", "/Other"),
            // Follows from the line above.
            ("/总公司/销售部/华东", "/Sales/华东"),
            ("/总公司/销售部/华北", "/North"),
            // Nobody knows.
            ("/总公司/财务部", "/A"),
            ("/总公司/财务部", "/B"),
            // Is where its own path says.
            ("/总公司/人事部", "/总公司/人事部"),
        ];
        assert_eq!(
            suggested(&pairs),
            [
                ("/总公司/销售部".into(), "/Sales".into(), 2, 3),
                ("/总公司/销售部/华北".into(), "/North".into(), 1, 1),
            ]
        );
    }

    #[test]
    fn the_lines_are_configuration() {
        let suggestion = Suggestion {
            department: "/总公司/\"北\"".into(),
            group: GroupPath::new("/N").unwrap(),
            people: 3,
            of: 4,
        };
        let text = lines(&[suggestion]);
        let file = config::File::from_str(&text, config::FileFormat::Toml);
        let value = config::Config::builder().add_source(file).build().unwrap();
        let value: serde_json::Value = value.try_deserialize().unwrap();
        assert_eq!(value["account"]["group_map"]["/总公司/\"北\""], "/N", "{text}");
    }
}
