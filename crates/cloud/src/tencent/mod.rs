//! Tencent Cloud API 2.0, product BM ("Black Stone", bare metal): the out-of-band VPN. API 3.0 has other names and
//! another signature; nothing of it belongs here.
//!
//! Everything is sent as POST with the parameters in the body: a GET would put the password into a URL, and URLs land
//! in the logs of proxies and servers.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::call::{CallError, Patience, Post, Refusal, Reply, not_the_form, repeat};
use super::params::Params;
use super::refusal::Again;
use super::{Call, CloudError, Provider, tolerant};
use crate::clock::Clock;
use crate::secret::Secret;
use rosterd_core::config::cloud::SignatureMethod;

pub mod answer;
pub mod codes;
pub mod sign;

pub use answer::{DeviceInfo, VpnInfo, Zone};

/// Who calls, and what is signed besides the parameters.
#[derive(Debug, Clone)]
pub struct Access {
    /// Host that is signed: lower case, without a port.
    pub host: String,
    /// Path that is signed.
    pub path: String,
    /// Region.
    pub region: String,
    /// Digest of the signature.
    pub method: SignatureMethod,
    /// SecretId.
    pub id: Secret,
    /// SecretKey; signs and is never sent.
    pub key: Secret,
    /// Token of temporary keys.
    pub token: Option<Secret>,
}

/// Whether the VPN account is to be made or exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Only while `be_first` is true.
    Create,
    /// Only after a `create`.
    Update,
}

impl Mode {
    /// What `be_first` asks for.
    pub const fn for_first(be_first: bool) -> Self {
        if be_first { Self::Create } else { Self::Update }
    }

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// What became of a new password that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// `code` 0.
    Applied,
    /// It is certain that nothing changed.
    Unchanged(CallError),
    /// It may have been set, or be set later still.
    Unknown(CallError),
}

/// The client of the out-of-band VPN.
#[derive(Debug, Clone)]
pub struct Client<P, C> {
    post: P,
    clock: C,
    access: Access,
    patience: Patience,
}

impl<P: Post, C: Clock> Client<P, C> {
    /// A client that sends through `post`.
    pub fn new(post: P, clock: C, access: Access, patience: Patience) -> Self {
        Self { post, clock, access, patience }
    }

    /// `GetOutBandVPNAuthInfo`
    ///
    /// # Errors
    /// If the service refuses or cannot be reached.
    pub async fn vpn_info(&self, zone: u64) -> Result<VpnInfo, CloudError> {
        let own = Params::new().with("zoneId", zone);
        let found: answer::AuthInfo = self.read("GetOutBandVPNAuthInfo", &own).await?;
        Ok(found.auth_info)
    }

    /// `GetDeviceOutBandInfo`. The answer holds a password.
    ///
    /// # Errors
    /// If the service refuses or cannot be reached, or the id cannot be one.
    pub async fn device(&self, instance: &str) -> Result<DeviceInfo, CloudError> {
        check_instance(instance)?;
        let own = Params::new().with("instanceId", instance);
        let found: answer::OutbandInfo = self.read("GetDeviceOutBandInfo", &own).await?;
        Ok(found.outband_info)
    }

    /// `DescribeRegions`: every zone of every region.
    ///
    /// # Errors
    /// If the service refuses or cannot be reached.
    pub async fn zones(&self) -> Result<Vec<Zone>, CloudError> {
        self.read("DescribeRegions", &Params::new()).await.map(answer::zones)
    }

    /// `SetOutBandVPNAuthPwd`, sent once; again only when it is proved that nothing happened.
    pub async fn set_password(&self, password: &Secret, mode: Mode) -> Outcome {
        const ACTION: &str = "SetOutBandVPNAuthPwd";
        let own = Params::new().with_secret("password", password).with("createOrUpdate", mode.as_str());
        let again: fn(&CallError) -> Again = CallError::again_for_a_change;
        let (_, result) = repeat(&self.clock, self.patience, ACTION, again, || async {
            self.send(ACTION, &own, &[password]).await.map(drop)
        })
        .await;
        match result {
            Ok(()) => Outcome::Applied,
            Err(error) if error.proves_nothing_happened() => Outcome::Unchanged(error),
            Err(error) => Outcome::Unknown(error),
        }
    }

    async fn read<T: DeserializeOwned>(&self, action: &'static str, own: &Params) -> Result<T, CloudError> {
        let (attempts, result) = repeat(&self.clock, self.patience, action, CallError::again, || async {
            let reply = self.send(action, own, &[]).await?;
            data(&reply)
        })
        .await;
        result
            .map_err(|error| CloudError::Call(Call { provider: Provider::Tencent, action, attempts, error }))
    }

    /// One request, signed anew. `Ok` is an answer with `code` 0.
    async fn send(
        &self,
        action: &'static str,
        own: &Params,
        secrets: &[&Secret],
    ) -> Result<Reply, CallError> {
        let now = self.clock.now();
        let form = self.signed(action, own, now, nonce()).form();
        let reply = self.post.post(form).await.map_err(CallError::Failed)?;
        tracing::debug!(action, status = reply.status, "cloud API answered");
        let mut hidden = secrets.to_vec();
        hidden.push(&self.access.key);
        hidden.extend(&self.access.token);
        check(reply, &hidden, now)
    }

    /// The common parameters, the call's own and the signature.
    fn signed(&self, action: &str, own: &Params, now: DateTime<Utc>, nonce: u32) -> Params {
        let access = &self.access;
        let mut params = Params::new()
            .with("Action", action)
            .with_some("Region", &access.region)
            .with("Timestamp", now.timestamp())
            .with("Nonce", nonce)
            .with_secret("SecretId", &access.id)
            .with("SignatureMethod", sign::method_name(access.method));
        if let Some(token) = &access.token {
            params = params.with_secret("Token", token);
        }
        for (name, value) in own.iter() {
            params = params.with_secret(name, &Secret::new(value.to_owned()));
        }
        let scope = sign::Scope { method: "POST", host: &access.host, path: &access.path };
        let signature = sign::sign(access.method, &access.key, scope, &params);
        params.with("Signature", signature)
    }
}

/// A positive number, new for every request; within 31 bits, as the service's own samples are.
fn nonce() -> u32 {
    rand::random_range(1..=i32::MAX.unsigned_abs())
}

/// Status and code of an answer. Errors come with HTTP 200 too; another status is somebody in between.
fn check(reply: Reply, secrets: &[&Secret], now: DateTime<Utc>) -> Result<Reply, CallError> {
    if reply.status != 200 {
        return Err(not_the_form(&reply));
    }
    let head: answer::Head = serde_json::from_str(reply.body.expose()).map_err(|_| not_the_form(&reply))?;
    if head.code == 0 {
        return Ok(reply);
    }
    let words = if head.message.is_empty() { &head.code_desc } else { &head.message };
    let kind = codes::kind(head.code);
    Err(CallError::Refused(Refusal::new(head.code, kind, words, secrets, &reply, now)))
}

/// The `data` of an answer with code 0.
fn data<T: DeserializeOwned>(reply: &Reply) -> Result<T, CallError> {
    serde_json::from_str::<answer::Body<T>>(reply.body.expose())
        .map(|body| body.data)
        .map_err(|error| CallError::Unusable { detail: tolerant::place(&error), passing: false })
}

/// Ids look like `cpm-an5a9wv4`. A value that begins with `@` would be left out of the signature by the service.
fn check_instance(id: &str) -> Result<(), CloudError> {
    let ok = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if id.is_empty() || id.len() > 64 || !id.bytes().all(ok) {
        return Err(CloudError::Instance { id: super::call::clean(id, &[]) });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
