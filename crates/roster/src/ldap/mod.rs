//! A directory server as a source: found, bound to and searched page by page; its entries become rows like those of a
//! file. All or nothing: a limit of the server, a referral or a connection that breaks refuses the source as a whole,
//! because a part of a directory looks like people who are gone. What an entry says is in `entry`, the limits of what
//! may arrive are in `relay`.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ldap3::adapters::{Adapter, PagedResults};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, SearchStream, StdStream};
use tokio::time::timeout;

use super::error::RosterError;
use super::facts::FileReport;
use super::facts::LDAP_FORMAT as FORMAT;
use super::person::Harvest;
use super::progress::Beat;
use super::rules::Rules;
use crate::config::{Env, LdapConfig};
use crate::http::{Trust, Url, is_loopback, tls};
use crate::secret::Secret;
use rosterd_host::secret::ReadSecret as _;

mod entry;
mod relay;
#[cfg(test)]
mod tests;

use super::ldap_fault::LdapFault;
use entry::{Attributes, Entries};
use relay::Meter;

/// Entries asked for at once.
const PAGE: i32 = 500;
/// Who is looked for where no filter is configured: people of Active Directory, or of other directories.
const FILTER: &str = "(|(&(objectCategory=person)(objectClass=user))(objectClass=inetOrgPerson))";

/// What a directory may take, and how much it may send.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Until a connection stands.
    connect: Duration,
    /// Until something comes.
    answer: Duration,
    /// For everything.
    whole: Duration,
    /// Bytes in answer to one request.
    page_bytes: u64,
    /// Bytes in all.
    all_bytes: u64,
    /// Bytes of rows that are kept.
    kept_bytes: u64,
}

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    answer: Duration::from_secs(30),
    whole: Duration::from_secs(30 * 60),
    page_bytes: 32 << 20,
    all_bytes: super::budget::FILE,
    kept_bytes: 512 << 20,
};

/// A directory, with what is needed to enter it.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    config: LdapConfig,
    url: Url,
    password: Option<Secret>,
    trust: Trust,
    limits: Limits,
}

impl Directory {
    /// Reads the password and checks the address. Relative paths begin at `base`.
    pub(super) fn new(
        rules: &Rules,
        config: &LdapConfig,
        base: &Path,
        env: &Env,
    ) -> Result<Self, RosterError> {
        let fail =
            |fault| RosterError::Ldap { source_name: rules.name.clone(), server: config.url.clone(), fault };
        let setup = |cause: String| fail(LdapFault::Setup { cause });
        let url = Url::parse(&config.url).map_err(|e| setup(e.to_string()))?;
        if !matches!(url.scheme(), "ldap" | "ldaps") || url.host_str().is_none_or(str::is_empty) {
            return Err(setup(rust_i18n::t!("config.roster.ldap_url").into_owned()));
        }
        if is_cleartext(config, &url) && !is_loopback(&url) {
            return Err(fail(LdapFault::Cleartext));
        }
        let password = config.password.as_ref().map(|secret| secret.read(base, env)).transpose();
        let password = password.map_err(|e| fail(LdapFault::Password { cause: e.to_string() }))?;
        let trust = match &config.ca_file {
            Some(path) => Trust::CaFile(base.join(path)),
            None => Trust::System,
        };
        Ok(Self { config: config.clone(), url, password, trust, limits: LIMITS })
    }

    /// The server as people may see it: without whatever else the address holds.
    fn server(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}", self.url.scheme(), self.url.host_str().unwrap_or_default())
    }

    /// Reads everybody.
    pub(super) fn read(
        &self,
        rules: &Rules,
        harvest: &mut Harvest,
        beat: &Arc<Beat>,
    ) -> Result<FileReport, RosterError> {
        let fail =
            |fault| RosterError::Ldap { source_name: rules.name.clone(), server: self.server(), fault };
        let setup = |cause: String| fail(LdapFault::Setup { cause });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| setup(e.to_string()))?;
        let attributes = Attributes::new(&self.config);
        let whole = self.limits.whole;
        let fetched = runtime.block_on(async { timeout(whole, self.fetch(rules, attributes, beat)).await });
        // The tasks of the connection end with the runtime; none of them is waited for.
        runtime.shutdown_background();
        let entries = match fetched {
            Ok(fetched) => fetched.map_err(fail)?,
            Err(_) => return Err(fail(LdapFault::TooSlow { seconds: whole.as_secs() })),
        };
        if entries.is_empty() {
            return Err(fail(LdapFault::NoEntries {
                base: self.config.base.clone(),
                filter: self.filter().to_owned(),
            }));
        }
        let report = FileReport {
            file: rules.name.clone(),
            format: FORMAT,
            bytes: entries.bytes,
            ..FileReport::default()
        };
        entries.rows(rules, report, harvest, beat, fail)
    }

    fn filter(&self) -> &str {
        if self.config.filter.is_empty() { FILTER } else { &self.config.filter }
    }

    /// Connects, binds and searches.
    async fn fetch(
        &self,
        rules: &Rules,
        attributes: Attributes,
        beat: &Arc<Beat>,
    ) -> Result<Entries, LdapFault> {
        let meter = Arc::new(Meter::new(self.limits.page_bytes, self.limits.all_bytes, beat.clone()));
        let mut ldap = self.connect(&meter).await?;
        let found = match self.bind(&mut ldap).await {
            Ok(()) => self.search(rules, &mut ldap, attributes).await,
            Err(fault) => Err(fault),
        };
        // What went wrong behind a limit of ours went wrong because of it.
        match found {
            Ok(mut entries) => {
                entries.bytes = meter.all();
                // A courtesy; the answer is in hand.
                let _ = ldap.unbind().await;
                Ok(entries)
            }
            Err(_) if meter.exceeded() => Err(LdapFault::TooBig { megabytes: meter.limit() >> 20 }),
            Err(fault) => Err(fault),
        }
    }

    async fn connect(&self, meter: &Arc<Meter>) -> Result<Ldap, LdapFault> {
        let server = self.reach()?;
        let (ours, theirs) = relay::pair().map_err(|e| LdapFault::Setup { cause: e.to_string() })?;
        relay::start(theirs, server, meter.clone()).map_err(|e| LdapFault::Setup { cause: e.to_string() })?;
        let mut settings = LdapConnSettings::new()
            .set_conn_timeout(self.limits.connect)
            .set_starttls(self.config.start_tls && self.url.scheme() == "ldap")
            .set_std_stream(StdStream::Tcp(ours));
        if let Some(config) =
            tls::client_config(&self.trust).map_err(|e| LdapFault::Setup { cause: e.to_string() })?
        {
            settings = settings.set_config(Arc::new(config));
        }
        let opened = timeout(self.limits.connect, LdapConnAsync::with_settings(settings, self.url.as_str()));
        let (connection, ldap) = match opened.await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(not_opened(&error)),
            Err(_) => return Err(LdapFault::TooSlow { seconds: self.limits.connect.as_secs() }),
        };
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "the directory's connection ended");
            }
        });
        Ok(ldap)
    }

    /// A connection to the first address that takes one. Without TLS it must be this machine itself.
    fn reach(&self) -> Result<TcpStream, LdapFault> {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.url.port().unwrap_or(if self.url.scheme() == "ldaps" { 636 } else { 389 });
        let unreachable = |cause: std::io::Error| LdapFault::Unreachable { cause: cause.to_string() };
        let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
        for address in (host, port).to_socket_addrs().map_err(unreachable)? {
            if is_cleartext(&self.config, &self.url) && !address.ip().is_loopback() {
                return Err(LdapFault::Cleartext);
            }
            match TcpStream::connect_timeout(&address, self.limits.connect) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(unreachable(last))
    }

    async fn bind(&self, ldap: &mut Ldap) -> Result<(), LdapFault> {
        let Some(password) = &self.password else { return Ok(()) };
        let bound =
            ldap.with_timeout(self.limits.answer).simple_bind(&self.config.bind_dn, password.expose());
        let result = bound.await.map_err(|e| self.broken(&e))?;
        match result.rc {
            0 => Ok(()),
            code => Err(LdapFault::Bind { code, cause: result.text }),
        }
    }

    async fn search(
        &self,
        rules: &Rules,
        ldap: &mut Ldap,
        attributes: Attributes,
    ) -> Result<Entries, LdapFault> {
        let wanted: Vec<String> = attributes.wanted();
        let mut entries = Entries::new(attributes, &self.config.base, self.limits.kept_bytes);
        let adapters: Vec<Box<dyn Adapter<'_, String, Vec<String>>>> =
            vec![Box::new(PagedResults::new(PAGE))];
        let mut stream: SearchStream<'_, String, Vec<String>> = ldap
            .with_timeout(self.limits.answer)
            .streaming_search_with(adapters, &self.config.base, Scope::Subtree, self.filter(), wanted)
            .await
            .map_err(|e| self.broken(&e))?;
        while let Some(found) = stream.next().await.map_err(|e| self.broken(&e))? {
            if found.is_intermediate() {
                continue;
            }
            if found.is_ref() {
                return Err(LdapFault::Referral { to: ldap3::parse_refs(found.0).join(" ") });
            }
            // The library panics on an entry that is none.
            let entry = catch_unwind(AssertUnwindSafe(|| SearchEntry::construct(found)));
            let entry = entry.map_err(|_| LdapFault::Dropped { cause: "malformed entry".into() })?;
            entries.take(entry, rules)?;
        }
        let result = stream.finish().await;
        match result.rc {
            0 => Ok(entries),
            code @ (3 | 4 | 11) => Err(LdapFault::Limit { code }),
            10 => Err(LdapFault::Referral { to: result.refs.join(" ") }),
            code => Err(LdapFault::Refused { code, cause: result.text }),
        }
    }

    fn broken(&self, error: &LdapError) -> LdapFault {
        match error {
            LdapError::Timeout { .. } => LdapFault::TooSlow { seconds: self.limits.answer.as_secs() },
            LdapError::FilterParsing => LdapFault::Filter { filter: self.filter().to_owned() },
            LdapError::LdapResult { result } => {
                LdapFault::Refused { code: result.rc, cause: result.text.clone() }
            }
            other => LdapFault::Dropped { cause: other.to_string() },
        }
    }
}

/// Whether names and passwords would travel readable.
fn is_cleartext(config: &LdapConfig, url: &Url) -> bool {
    url.scheme() == "ldap" && !config.start_tls
}

/// Why a connection that stands cannot be used.
fn not_opened(error: &LdapError) -> LdapFault {
    if let Some(cause) = tls::explain(error) {
        return LdapFault::Tls { cause };
    }
    match error {
        LdapError::LdapResult { result } => {
            LdapFault::Refused { code: result.rc, cause: result.text.clone() }
        }
        other => LdapFault::Tls { cause: other.to_string() },
    }
}
