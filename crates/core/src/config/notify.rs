//! `[[notify]]`: who is told, and of what. Sending lives in `crate::notify`; addresses and secrets are read then.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use email_address::EmailAddress;
use rust_i18n::t;
use serde::{Deserialize, Serialize};

use crate::secret::SecretRef;

/// One robot, webhook, mail server or syslog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyConfig {
    /// Whose robot it is. Must be given.
    pub kind: Option<NotifyKind>,
    /// Its address, which is a secret: whoever knows it can write to the group. Must be given.
    pub url: Option<SecretRef>,
    /// The key that a robot of DingTalk or Feishu wants its messages signed with.
    pub secret: Option<SecretRef>,
    /// Mail and syslog: the server, `smtp.example.com:587`, or `unix:/dev/log`, `udp:HOST:514`, `tcp:…`, `tls:…`.
    pub server: Option<String>,
    /// Mail: the sender's address.
    pub from: Option<String>,
    /// Mail: who gets it.
    pub to: Vec<String>,
    /// Mail: how it is encrypted.
    pub tls: Option<MailTls>,
    /// Mail: the name to log in with, if the server wants one.
    pub username: Option<String>,
    /// Mail: the password of that name.
    pub password: Option<SecretRef>,
    /// What is worth a message.
    pub on: BTreeSet<Event>,
    /// Whether people may be named.
    pub names: bool,
}

impl Default for NotifyConfig {
    fn default() -> Self {
        let quiet = [Event::Applied];
        let on = Event::ALL.into_iter().filter(|event| !quiet.contains(event)).collect();
        Self {
            kind: None,
            url: None,
            secret: None,
            server: None,
            from: None,
            to: Vec::new(),
            tls: None,
            username: None,
            password: None,
            on,
            names: false,
        }
    }
}

/// Receivers by what they need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver<'a> {
    /// A robot or a webhook.
    Robot {
        /// Whose.
        kind: RobotKind,
        /// Its address.
        url: &'a SecretRef,
        /// What messages are signed with.
        secret: Option<&'a SecretRef>,
    },
    /// Mailboxes.
    Mail(Mail<'a>),
    /// A system's log.
    Syslog(SyslogServer),
}

/// Whoever takes messages by `POST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RobotKind {
    /// A group robot of WeCom.
    Wecom,
    /// A group robot of DingTalk.
    Dingtalk,
    /// A group robot of Feishu or Lark.
    Feishu,
    /// A program that takes JSON.
    Webhook,
}

/// How mail gets to its mailboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail<'a> {
    /// The server's name or address.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// How the way there is encrypted.
    pub tls: MailTls,
    /// The sender's address.
    pub from: &'a str,
    /// Whom it is for; never empty.
    pub to: &'a [String],
    /// Who logs in.
    pub username: Option<&'a str>,
    /// With what; given when a name is.
    pub password: Option<&'a SecretRef>,
}

/// How mail is encrypted on its way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// In the clear until the server agrees to TLS; without that nothing is sent.
    Starttls,
    /// From the first byte.
    Tls,
    /// Not at all; only to this machine.
    None,
}

impl MailTls {
    const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// Where a system's log takes messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogServer {
    /// A socket of this machine.
    Unix(PathBuf),
    /// Datagrams to host and port.
    Udp(String, u16),
    /// A connection to host and port.
    Tcp(String, u16),
    /// An encrypted connection to host and port.
    Tls(String, u16),
}

impl SyslogServer {
    fn parse(text: &str) -> Option<Self> {
        let (way, rest) = text.split_once(':')?;
        if way == "unix" {
            return rest.starts_with('/').then(|| Self::Unix(rest.into()));
        }
        let (host, port) = host_and_port(rest, None)?;
        let host = host.to_owned();
        match way {
            "udp" => Some(Self::Udp(host, port)),
            "tcp" => Some(Self::Tcp(host, port)),
            "tls" => Some(Self::Tls(host, port)),
            _ => None,
        }
    }
}

/// `HOST:PORT`, or `HOST` where there is a usual port; an IPv6 address stands in brackets.
fn host_and_port(text: &str, usual: Option<u16>) -> Option<(&str, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()?),
        _ => (text, usual?),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty() && port > 0).then_some((host, port))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What is wrong: key and words.
type Problems = Vec<(&'static str, String)>;

impl NotifyConfig {
    /// What is wrong with it: key and words.
    pub(super) fn problems(&self) -> Problems {
        self.receiver().err().unwrap_or_default()
    }

    /// What kind of receiver this is, with what it needs.
    ///
    /// # Errors
    /// What is missing, wrong, or belongs to another kind: key and words.
    pub fn receiver(&self) -> Result<Receiver<'_>, Problems> {
        let Some(kind) = self.kind else { return Err(vec![("kind", t!("notify.config.kind").into_owned())]) };
        let mut problems = self.foreign(kind);
        let receiver = match kind {
            NotifyKind::Email => self.mail(&mut problems).map(Receiver::Mail),
            NotifyKind::Syslog => {
                let server = self.server.as_deref().and_then(SyslogServer::parse);
                if server.is_none() {
                    problems.push(("server", t!("notify.config.syslog").into_owned()));
                }
                server.map(Receiver::Syslog)
            }
            NotifyKind::Wecom => self.robot(RobotKind::Wecom, &mut problems),
            NotifyKind::Dingtalk => self.robot(RobotKind::Dingtalk, &mut problems),
            NotifyKind::Feishu => self.robot(RobotKind::Feishu, &mut problems),
            NotifyKind::Webhook => self.robot(RobotKind::Webhook, &mut problems),
        };
        receiver.filter(|_| problems.is_empty()).ok_or(problems)
    }

    /// Keys that belong to other kinds: whoever wrote them expects something of them.
    fn foreign(&self, kind: NotifyKind) -> Problems {
        let (mail, syslog) = (kind == NotifyKind::Email, kind == NotifyKind::Syslog);
        let keys = [
            ("url", self.url.is_some(), !mail && !syslog),
            ("server", self.server.is_some(), mail || syslog),
            ("from", self.from.is_some(), mail),
            ("to", !self.to.is_empty(), mail),
            ("tls", self.tls.is_some(), mail),
            ("username", self.username.is_some(), mail),
            ("password", self.password.is_some(), mail),
        ];
        let given = keys.into_iter().filter(|(_, given, belongs)| *given && !belongs);
        let mut problems: Problems =
            given.map(|(key, ..)| (key, t!("notify.config.foreign").into_owned())).collect();
        if self.secret.is_some() && !kind.signs() {
            problems.push(("secret", t!("notify.config.secret").into_owned()));
        }
        problems
    }

    fn robot(&self, kind: RobotKind, problems: &mut Problems) -> Option<Receiver<'_>> {
        if self.url.is_none() {
            problems.push(("url", t!("notify.config.url").into_owned()));
        }
        self.url.as_ref().map(|url| Receiver::Robot { kind, url, secret: self.secret.as_ref() })
    }

    fn mail(&self, problems: &mut Problems) -> Option<Mail<'_>> {
        let tls = self.tls.unwrap_or(MailTls::Starttls);
        let server = self.server.as_deref().and_then(|server| host_and_port(server, Some(tls.port())));
        let from = self.from.as_deref().filter(|from| EmailAddress::is_valid(from));
        let to_is_good = !self.to.is_empty() && self.to.iter().all(|to| EmailAddress::is_valid(to));
        let clear = tls == MailTls::None && server.is_some_and(|(host, _)| !is_loopback(host));
        for (wrong, key, words) in [
            (server.is_none(), "server", t!("notify.config.server")),
            (from.is_none(), "from", t!("notify.config.address")),
            (!to_is_good, "to", t!("notify.config.address")),
            (clear, "tls", t!("notify.config.clear")),
            (self.username.is_some() != self.password.is_some(), "password", t!("notify.config.password")),
        ] {
            if wrong {
                problems.push((key, words.into_owned()));
            }
        }
        let ((host, port), from) = server.zip(from)?;
        let (to, username, password) = (&*self.to, self.username.as_deref(), self.password.as_ref());
        Some(Mail { host, port, tls, from, to, username, password })
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
    /// Mailboxes, over SMTP.
    Email,
    /// A system's log, RFC 5424.
    Syslog,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn config(kind: NotifyKind, change: impl FnOnce(&mut NotifyConfig)) -> NotifyConfig {
        let mut config = NotifyConfig { kind: Some(kind), ..NotifyConfig::default() };
        change(&mut config);
        config
    }

    fn mail(change: impl FnOnce(&mut NotifyConfig)) -> NotifyConfig {
        config(NotifyKind::Email, |config| {
            config.server = Some("smtp.example.com".into());
            config.from = Some("rosterd@example.com".into());
            config.to = vec!["it@example.com".into()];
            change(config);
        })
    }

    fn wrong(config: &NotifyConfig) -> Vec<&'static str> {
        config.problems().into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn mail_goes_encrypted_or_stays_on_this_machine() {
        let port = |change: fn(&mut NotifyConfig)| match mail(change).receiver() {
            Ok(Receiver::Mail(mail)) => (mail.host.to_owned(), mail.port, mail.tls),
            other => panic!("{other:?}"),
        };
        assert_eq!(port(|_| {}), ("smtp.example.com".into(), 587, MailTls::Starttls));
        assert_eq!(port(|c| c.tls = Some(MailTls::Tls)), ("smtp.example.com".into(), 465, MailTls::Tls));
        let local = |server: &str| mail(|c| (c.tls, c.server) = (Some(MailTls::None), Some(server.into())));
        assert_eq!(wrong(&local("smtp.example.com:25")), ["tls"]);
        assert_eq!(wrong(&local("127.0.0.1:2525")), [""; 0]);
        assert_eq!(wrong(&local("[::1]:2525")), [""; 0]);
        assert_eq!(wrong(&local("localhost")), [""; 0]);
        assert_eq!(wrong(&local("localhost.example.com")), ["tls"]);
    }

    #[test]
    fn what_mail_lacks_is_said_by_key() {
        let nothing = config(NotifyKind::Email, |_| {});
        assert_eq!(wrong(&nothing), ["server", "from", "to"]);
        assert_eq!(wrong(&mail(|c| c.from = Some("rosterd".into()))), ["from"]);
        assert_eq!(wrong(&mail(|c| c.to.push("a@b\nBcc: c@d".into()))), ["to"]);
        assert_eq!(wrong(&mail(|c| c.username = Some("rosterd".into()))), ["password"]);
        assert_eq!(wrong(&mail(|c| c.server = Some("smtp.example.com:x".into()))), ["server"]);
        assert_eq!(wrong(&mail(|c| c.url = Some(SecretRef::Env("X".into())))), ["url"]);
    }

    #[test]
    fn a_log_is_named_by_its_way() {
        let server = |text: &str| SyslogServer::parse(text);
        assert_eq!(server("unix:/dev/log"), Some(SyslogServer::Unix("/dev/log".into())));
        assert_eq!(server("udp:log.example.com:514"), Some(SyslogServer::Udp("log.example.com".into(), 514)));
        assert_eq!(server("tcp:[::1]:601"), Some(SyslogServer::Tcp("::1".into(), 601)));
        assert_eq!(server("tls:10.0.0.1:6514"), Some(SyslogServer::Tls("10.0.0.1".into(), 6514)));
        for text in ["/dev/log", "unix:log", "udp:log.example.com", "http:x:1", "udp::514", "tcp:x:0"] {
            assert_eq!(server(text), None, "{text}");
        }
    }

    #[test]
    fn keys_of_other_kinds_are_refused() {
        let url = Some(SecretRef::Env("URL".into()));
        let robot = config(NotifyKind::Wecom, |c| {
            (c.url, c.secret, c.to) = (url.clone(), url.clone(), vec!["it@example.com".into()]);
        });
        assert_eq!(wrong(&robot), ["to", "secret"]);
        assert_eq!(
            wrong(&config(NotifyKind::Dingtalk, |c| (c.url, c.secret) = (url.clone(), url.clone()))),
            [""; 0]
        );
        assert_eq!(wrong(&config(NotifyKind::Webhook, |_| {})), ["url"]);
        assert_eq!(wrong(&NotifyConfig::default()), ["kind"]);
    }
}
