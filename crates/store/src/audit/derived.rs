//! What single tables must say, by the records that made their rows: overrides, approvals, links and plans one by one,
//! entries by the versions of accounts that are open.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;

use super::verify::Broken;
use super::{Raw, StoreError, millis};
use crate::store::people::ERASED_PLAN;

/// An override, as a record says it or as the table has it.
#[derive(Debug, Clone, PartialEq, FromRow)]
struct Said {
    kind: String,
    until: Option<String>,
    reason: String,
    #[sqlx(json)]
    actor: Value,
    created_at: i64,
}

#[derive(FromRow)]
struct SaidOf {
    person: String,
    #[sqlx(flatten)]
    said: Said,
}

/// An approval, as records say it or as the table has it.
#[derive(Debug, PartialEq, FromRow)]
struct Approved {
    target: String,
    run: i64,
    #[sqlx(json)]
    sets: Value,
    reason: String,
    #[sqlx(json)]
    actor: Value,
    created_at: i64,
    expires_at: i64,
    used_run: Option<i64>,
    used_at: Option<i64>,
}

#[derive(FromRow)]
struct ApprovedAs {
    id: i64,
    #[sqlx(flatten)]
    approved: Approved,
}

/// A stored plan, as a record says it or as the table has it.
#[derive(Debug, PartialEq, FromRow)]
struct Planned {
    target: String,
    digest: String,
    created_at: i64,
}

#[derive(FromRow)]
struct PlannedAs {
    id: i64,
    #[sqlx(flatten)]
    planned: Planned,
}

#[derive(FromRow)]
struct Linked {
    target: String,
    person: String,
    username: String,
}

#[derive(FromRow)]
struct OfTarget {
    target: String,
    place: String,
}

/// What the records say so far.
#[derive(Default)]
pub(super) struct Derived {
    overrides: BTreeMap<String, (i64, Said)>,
    /// Those whose person and reason were erased.
    nameless: Vec<Said>,
    approvals: BTreeMap<i64, (i64, Approved)>,
    /// Target and person → user name.
    links: BTreeMap<(String, String), String>,
    /// Number → record, what it says, and the digest of the plan's text where it says that too.
    plans: BTreeMap<i64, (i64, Planned, Option<String>)>,
    erased_plans: BTreeSet<i64>,
    /// Some erasures do not say what they took.
    erased_unsaid: bool,
    /// Target → moments of confirmed commits.
    commits: BTreeMap<String, BTreeSet<i64>>,
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(ToOwned::to_owned)
}

fn moment(value: &Value) -> i64 {
    let at = value.as_str().and_then(|text| text.parse::<chrono::DateTime<chrono::Utc>>().ok());
    at.map(millis).unwrap_or_default()
}

impl Derived {
    /// Takes a record in.
    pub(super) fn note(&mut self, raw: &Raw, body: &Value) {
        let personal: Option<Value> =
            raw.personal.as_deref().and_then(|text| serde_json::from_str(text).ok());
        match &*raw.kind {
            "override" => self.note_override(raw, body, personal.as_ref()),
            "approved" => self.note_approval(raw, body, personal.as_ref()),
            "approval_used" => {
                for id in body["approvals"].as_array().into_iter().flatten().filter_map(Value::as_i64) {
                    if let Some((_, approved)) = self.approvals.get_mut(&id) {
                        (approved.used_run, approved.used_at) = (raw.run, Some(millis(raw.at)));
                    }
                }
            }
            "adopted" | "released" | "person" => self.note_link(raw, body, personal.as_ref()),
            "planned" => {
                let planned = Planned {
                    target: raw.target.clone().unwrap_or_default(),
                    digest: text(&body["digest"]).unwrap_or_default(),
                    created_at: millis(raw.at),
                };
                let body_digest = personal.as_ref().and_then(|p| text(&p["body"]));
                self.plans.insert(body["plan"].as_i64().unwrap_or_default(), (raw.seq, planned, body_digest));
            }
            "erased" => match body.get("plans").and_then(Value::as_array) {
                Some(plans) => self.erased_plans.extend(plans.iter().filter_map(Value::as_i64)),
                None => self.erased_unsaid = true,
            },
            "commit" if body["state"] == "applied" => {
                let commits = self.commits.entry(raw.target.clone().unwrap_or_default()).or_default();
                commits.insert(millis(raw.at));
            }
            _ => {}
        }
    }

    fn note_override(&mut self, raw: &Raw, body: &Value, personal: Option<&Value>) {
        let said = Said {
            kind: text(&body["kind"]).unwrap_or_default(),
            until: text(&body["until"]),
            reason: personal.and_then(|p| text(&p["reason"])).unwrap_or_default(),
            actor: body["actor"].clone(),
            created_at: millis(raw.at),
        };
        match personal.and_then(|p| text(&p["person"])) {
            Some(person) if said.kind == "resume" => drop(self.overrides.remove(&person)),
            Some(person) => drop(self.overrides.insert(person, (raw.seq, said))),
            // It was said of a key that was given to another human since, and its former owner is forgotten.
            None => self.nameless.push(said),
        }
    }

    fn note_approval(&mut self, raw: &Raw, body: &Value, personal: Option<&Value>) {
        let Some(id) = body["approval"].as_i64() else { return };
        let approved = Approved {
            target: raw.target.clone().unwrap_or_default(),
            run: raw.run.unwrap_or_default(),
            // Whoever was forgotten took the set along.
            sets: personal.map_or_else(|| Value::Array(Vec::new()), |p| p["sets"].clone()),
            reason: text(&body["reason"]).unwrap_or_default(),
            actor: body["actor"].clone(),
            created_at: millis(raw.at),
            expires_at: moment(&body["expires_at"]),
            used_run: None,
            used_at: None,
        };
        self.approvals.insert(id, (raw.seq, approved));
    }

    fn note_link(&mut self, raw: &Raw, body: &Value, personal: Option<&Value>) {
        let said = |key: &str| personal.and_then(|p| text(&p[key]));
        let (Some(person), target) = (said("person"), raw.target.clone().unwrap_or_default()) else { return };
        match &*raw.kind {
            "adopted" if body["linked"] == true => {
                self.links.insert((target, person), said("username").unwrap_or_default());
            }
            "released" => {
                self.links.remove(&(target, person));
            }
            // The account went on under another key.
            "person" => {
                let Some(former) = said("former") else { return };
                let theirs: Vec<_> = self.links.keys().filter(|(_, key)| *key == person).cloned().collect();
                for (target, key) in theirs {
                    if let Some(name) = self.links.remove(&(target.clone(), key)) {
                        self.links.insert((target, former.clone()), name);
                    }
                }
            }
            _ => {}
        }
    }

    /// Compares the tables with what the records say.
    pub(super) async fn check(
        mut self,
        c: &mut SqliteConnection,
        broken: &mut Vec<Broken>,
    ) -> Result<(), StoreError> {
        self.check_overrides(c, broken).await?;
        self.check_approvals(c, broken).await?;
        self.check_links(c, broken).await?;
        self.check_plans(c, broken).await?;
        self.check_entries(c, broken).await
    }

    async fn check_overrides(
        &mut self,
        c: &mut SqliteConnection,
        broken: &mut Vec<Broken>,
    ) -> Result<(), StoreError> {
        let all: Vec<SaidOf> = sqlx::query_as("SELECT * FROM overrides ORDER BY person").fetch_all(c).await?;
        for SaidOf { person, said } in all {
            let nameless = |known: &Said| *known == Said { reason: String::new(), ..said.clone() };
            match self.overrides.remove(&person) {
                Some((_, recorded)) if recorded == said => {}
                None if self.nameless.iter().any(nameless) => {}
                recorded => broken.push(Broken::row(recorded.map_or(0, |(seq, _)| seq), "overrides", person)),
            }
        }
        broken.extend(self.overrides.iter().map(|(person, (seq, _))| Broken::row(*seq, "overrides", person)));
        Ok(())
    }

    async fn check_approvals(
        &mut self,
        c: &mut SqliteConnection,
        broken: &mut Vec<Broken>,
    ) -> Result<(), StoreError> {
        let all: Vec<ApprovedAs> = sqlx::query_as("SELECT * FROM approvals ORDER BY id").fetch_all(c).await?;
        for ApprovedAs { id, approved } in all {
            match self.approvals.remove(&id) {
                Some((_, recorded)) if recorded == approved => {}
                recorded => broken.push(Broken::row(recorded.map_or(0, |(seq, _)| seq), "approvals", id)),
            }
        }
        broken.extend(self.approvals.iter().map(|(id, (seq, _))| Broken::row(*seq, "approvals", id)));
        Ok(())
    }

    async fn check_links(
        &mut self,
        c: &mut SqliteConnection,
        broken: &mut Vec<Broken>,
    ) -> Result<(), StoreError> {
        let all: Vec<Linked> =
            sqlx::query_as("SELECT * FROM links ORDER BY target, person").fetch_all(c).await?;
        for Linked { target, person, username } in all {
            let place = (target, person);
            if self.links.remove(&place).as_ref() != Some(&username) {
                broken.push(Broken::row(0, "links", place.1));
            }
        }
        // Whoever was forgotten took their links along, and the record that would say whose they were.
        if !self.erased_unsaid && self.erased_plans.is_empty() {
            broken.extend(self.links.keys().map(|(_, person)| Broken::row(0, "links", person)));
        }
        Ok(())
    }

    async fn check_plans(
        &mut self,
        c: &mut SqliteConnection,
        broken: &mut Vec<Broken>,
    ) -> Result<(), StoreError> {
        let all: Vec<PlannedAs> =
            sqlx::query_as("SELECT id, target, digest, created_at FROM plans ORDER BY id")
                .fetch_all(&mut *c)
                .await?;
        for PlannedAs { id, planned } in all {
            let Some((seq, recorded, digest)) = self.plans.remove(&id) else {
                broken.push(Broken::row(0, "plans", id));
                continue;
            };
            // One by one: each may be as large as the company.
            let body: String =
                sqlx::query_scalar("SELECT body FROM plans WHERE id = ?").bind(id).fetch_one(&mut *c).await?;
            let erased = body == ERASED_PLAN && (self.erased_unsaid || self.erased_plans.contains(&id));
            let same = digest.is_none_or(|digest| digest == *blake3::hash(body.as_bytes()).to_hex());
            if recorded != planned || !(same || erased) {
                broken.push(Broken::row(seq, "plans", id));
            }
        }
        broken.extend(self.plans.iter().map(|(id, (seq, ..))| Broken::row(*seq, "plans", id)));
        Ok(())
    }

    /// Each entry is its person's open version, and each open version has its entry.
    async fn check_entries(
        &self,
        c: &mut SqliteConnection,
        broken: &mut Vec<Broken>,
    ) -> Result<(), StoreError> {
        let odd: Vec<OfTarget> = sqlx::query_as(
            "SELECT e.target, e.person AS place FROM entries e LEFT JOIN account_versions v \
             ON v.target = e.target AND v.person = e.person AND v.to_run IS NULL \
             WHERE v.person IS NULL OR v.username <> e.username OR v.fields ->> 'group' IS NOT e.group_path \
             OR v.fields ->> 'note' IS NOT e.note OR v.fields ->> 'phone' IS NOT e.phone \
             OR v.fields -> 'roles' IS NOT json(e.roles) OR v.fields ->> 'enabled' IS NOT e.enabled \
             OR v.fields ->> 'expires_on' IS NOT e.expires_on OR v.fields ->> 'origin' IS NOT e.origin \
             OR (json_type(v.fields, '$.gateway_id') IS NOT NULL AND v.fields ->> 'gateway_id' IS NOT e.gateway_id) \
             OR (json_type(v.fields, '$.disabled') IS NOT NULL AND v.fields ->> 'disabled' IS NOT e.disabled_reason) \
             UNION ALL SELECT v.target, v.person FROM account_versions v WHERE v.to_run IS NULL \
             AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.target = v.target AND e.person = v.person) \
             UNION ALL SELECT target, person FROM account_versions WHERE (to_run IS NULL) <> (to_at IS NULL)",
        )
        .fetch_all(&mut *c)
        .await?;
        broken.extend(
            odd.into_iter().map(|row| Broken::row(0, "entries", format!("{} {}", row.target, row.place))),
        );
        let disabled: Vec<Disabled> =
            sqlx::query_as("SELECT target, person, disabled_at FROM entries WHERE disabled_at IS NOT NULL")
                .fetch_all(c)
                .await?;
        let confirmed = |row: &Disabled| {
            self.commits.get(&row.target).is_some_and(|commits| commits.contains(&row.disabled_at))
        };
        let odd = disabled.iter().filter(|row| !confirmed(row));
        broken.extend(odd.map(|row| Broken::row(0, "entries", format!("{} {}", row.target, row.person))));
        Ok(())
    }
}

#[derive(FromRow)]
struct Disabled {
    target: String,
    person: String,
    disabled_at: i64,
}
