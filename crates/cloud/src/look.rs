//! One look at UCloud's keys: ask, compare with the last look, remember.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use super::CloudError;
use super::call::Post;
use super::store::{self, Order};
use super::ucloud::Client;
use super::watch::{ChangeKind, KeyChange, Marks, compare};
use crate::clock::Clock;
use rosterd_store::Store;

/// Everything a look needs.
#[derive(Clone)]
pub struct Look<'a, P, C> {
    /// The service.
    pub client: &'a Client<P, C>,
    /// The database.
    pub store: &'a Store,
    /// Time.
    pub clock: C,
    /// What looks must have in common to be compared.
    pub scope: String,
    /// Who wants it.
    pub order: Order,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WatchReport {
    /// Version of this format: 1.
    pub version: u32,
    /// Endpoint, region, zone, project.
    pub scope: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether nothing was remembered before: then nothing can have changed.
    pub first: bool,
    /// Domains that have keys.
    pub domains: usize,
    /// Keys.
    pub keys: usize,
    /// What is not as it was.
    pub changes: Vec<KeyChange>,
}

impl WatchReport {
    /// How many keys changed in this way.
    pub fn count(&self, kind: ChangeKind) -> usize {
        self.changes.iter().filter(|c| c.change == kind).count()
    }
}

impl<P: Post, C: Clock> Look<'_, P, C> {
    /// Compares the keys with those of the last look, and remembers them by their marks.
    ///
    /// # Errors
    /// If the service cannot be asked or the database fails; then the last look stays the one to compare with.
    pub async fn watch(&self) -> Result<WatchReport, CloudError> {
        let domains = self.client.auth_configs(None).await?;
        let salt = store::salt(self.store).await?;
        let marks = Marks::of(salt, &domains);
        let before = store::last_marks(self.store, &self.scope).await?;
        let changes = before.as_ref().map(|before| compare(before, &marks)).unwrap_or_default();
        let at = self.clock.now();
        let names: std::collections::BTreeSet<_> = marks.0.keys().map(|(domain, _)| domain).collect();
        let report = WatchReport {
            version: 1,
            scope: self.scope.clone(),
            at,
            first: before.is_none(),
            domains: names.len(),
            keys: marks.keys(),
            changes,
        };
        let news = (report.first || !report.changes.is_empty())
            .then(|| json!({ "first": report.first, "changes": report.changes }));
        store::remember_marks(self.store, &self.scope, marks, news, at, &self.order).await?;
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Patience;
    use crate::clock::manual::ManualClock;
    use crate::secret::Secret;
    use crate::simulated::{CloudState, Direct, Fault, Service, Simulated};
    use crate::ucloud::Access;
    use rosterd_store::journal::{Actor, Trigger};

    #[tokio::test]
    async fn the_first_look_remembers_and_the_next_ones_compare() {
        let clock = ManualClock::default();
        let cloud = Simulated::new(CloudState::sample("key"), clock.clone());
        let access = Access {
            region: "cn-bj2".into(),
            zone: "cn-bj2-05".into(),
            project: String::new(),
            id: Secret::new("simulated".into()),
            key: Secret::new("key".into()),
            token: None,
        };
        let post = Direct { cloud: cloud.clone(), service: Service::Ucloud, host: String::new() };
        let client = Client::new(post, clock.clone(), access, Patience { retries: 0, seed: 1 });
        let store = Store::in_memory(None).await.unwrap();
        let order = Order { actor: Actor::default(), trigger: Trigger::Schedule };
        let look = Look { client: &client, store: &store, clock, scope: "here".into(), order };
        let first = look.watch().await.unwrap();
        assert_eq!((first.first, first.domains, first.keys, first.changes.len()), (true, 2, 4, 0));
        assert!(look.watch().await.unwrap().changes.is_empty());

        cloud.with(|s| {
            s.ucloud.domains[0].configs[1].1[0] = ("new-secret-key".into(), "444".into());
            s.ucloud.domains[0].configs[0].1.push(("777".into(), "888".into()));
            s.ucloud.domains.remove(1);
        });
        let report = look.watch().await.unwrap();
        let kinds =
            [ChangeKind::Appeared, ChangeKind::Changed, ChangeKind::Vanished].map(|k| report.count(k));
        assert_eq!(kinds, [1, 1, 1]);
        assert!(look.watch().await.unwrap().changes.is_empty());
        let other = Look { scope: "there".into(), ..look.clone() };
        assert!(other.watch().await.unwrap().first, "another scope is compared with itself only");

        cloud.fail_next("GetAuthConfig", [Fault::Code(171)]);
        assert!(look.watch().await.is_err());
        let records = store.audit_page(0).await.unwrap();
        assert_eq!(records.len(), 3, "first looks and changes only");
        let text = serde_json::to_string(&records).unwrap();
        assert!(!text.contains("new-secret-key") && !text.contains("\"333\""), "{text}");
    }
}
