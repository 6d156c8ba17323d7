//! `[[notify]]`: who is told, and of what. Sending lives in `crate::notify`; addresses and secrets are read then.

use std::collections::BTreeSet;

use rust_i18n::t;
use serde::{Deserialize, Serialize};

use crate::secret::SecretRef;

/// One robot or webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyConfig {
    /// Whose robot it is. Must be given.
    pub kind: Option<NotifyKind>,
    /// Its address, which is a secret: whoever knows it can write to the group. Must be given.
    pub url: Option<SecretRef>,
    /// The key that a robot of DingTalk or Feishu wants its messages signed with.
    pub secret: Option<SecretRef>,
    /// What is worth a message.
    pub on: BTreeSet<Event>,
    /// Whether people may be named.
    pub names: bool,
}

impl Default for NotifyConfig {
    fn default() -> Self {
        let quiet = [Event::Applied];
        let on = Event::ALL.into_iter().filter(|event| !quiet.contains(event)).collect();
        Self { kind: None, url: None, secret: None, on, names: false }
    }
}

impl NotifyConfig {
    /// What is wrong with it: key and words.
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.kind.is_none() {
            problems.push(("kind", t!("notify.config.kind").into_owned()));
        }
        if self.url.is_none() {
            problems.push(("url", t!("notify.config.url").into_owned()));
        }
        if self.secret.is_some() && !self.kind.is_some_and(NotifyKind::signs) {
            problems.push(("secret", t!("notify.config.secret").into_owned()));
        }
        problems
    }
}

/// Kinds of receivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NotifyKind {
    /// A group robot of WeCom (企业微信).
    Wecom,
    /// A group robot of DingTalk (钉钉).
    Dingtalk,
    /// A group robot of Feishu (飞书) or Lark.
    Feishu,
    /// Anything that takes a JSON object by `POST`.
    Webhook,
}

impl NotifyKind {
    /// Whether messages can be signed.
    pub const fn signs(self) -> bool {
        matches!(self, Self::Dingtalk | Self::Feishu)
    }
}

/// What may be worth a message.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A guard, a pause or a freeze held something back.
    Held,
    /// A run failed.
    Failed,
    /// A run was carried out in part.
    Partial,
    /// A commit is not confirmed.
    Unconfirmed,
    /// The roster is older than it may be.
    RosterLate,
    /// The roster cannot be what HR meant: damaged, shrunken, half, an old one again.
    RosterSuspect,
    /// People are left alone.
    Blocked,
    /// The gateway is not the one that the snapshot belongs to.
    DeviceChanged,
    /// Somebody who left can still log in.
    AccessAfterLeaving,
    /// A record of the audit trail is not as it was written.
    AuditBroken,
    /// The settings guard less than at the last run.
    ConfigLoosened,
    /// What was told is over.
    Fixed,
    /// A run changed something, and all went well.
    Applied,
    /// UCloud's keys are not what they were, or cannot be looked at.
    UcloudKeys,
    /// The out-of-band VPN's password could not be changed, or nobody knows whether it was.
    OobFailed,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Held,
        Self::Failed,
        Self::Partial,
        Self::Unconfirmed,
        Self::RosterLate,
        Self::RosterSuspect,
        Self::Blocked,
        Self::DeviceChanged,
        Self::AccessAfterLeaving,
        Self::AuditBroken,
        Self::ConfigLoosened,
        Self::Fixed,
        Self::Applied,
        Self::UcloudKeys,
        Self::OobFailed,
    ];
}
