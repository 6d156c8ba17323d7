//! UCloud's `GetAuthConfig`: the authentication keys of CDN domains. Its signature has neither time nor number, so a
//! caught request can be replayed for ever: nothing of a request is logged, and it goes over HTTPS only.

use chrono::{DateTime, Utc};

use super::call::{CallError, Patience, Post, Refusal, Reply, not_the_form, repeat};
use super::params::Params;
use super::{Call, CloudError, Provider, tolerant};
use crate::clock::Clock;
use crate::secret::Secret;

pub mod answer;
pub mod codes;
pub mod sign;

pub use answer::{AuthKey, DomainAuth, TypeAuth};

const ACTION: &str = "GetAuthConfig";

/// Who calls, and for where.
#[derive(Debug, Clone)]
pub struct Access {
    /// Region.
    pub region: String,
    /// Zone.
    pub zone: String,
    /// Project; empty: the default one.
    pub project: String,
    /// PublicKey.
    pub id: Secret,
    /// PrivateKey; signs and is never sent.
    pub key: Secret,
    /// Token of temporary keys.
    pub token: Option<Secret>,
}

/// The client.
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

    /// `GetAuthConfig`: the settings of one domain, or of all, by name.
    ///
    /// # Errors
    /// If the service refuses or cannot be reached.
    pub async fn auth_configs(&self, domain: Option<&str>) -> Result<Vec<DomainAuth>, CloudError> {
        let params = self.signed(domain.unwrap_or_default());
        let (attempts, result) = repeat(&self.clock, self.patience, ACTION, CallError::again, || async {
            self.send(&params).await
        })
        .await;
        let mut found = result.map_err(|error| {
            CloudError::Call(Call { provider: Provider::Ucloud, action: ACTION, attempts, error })
        })?;
        found.sort_by(|a, b| a.domain.cmp(&b.domain));
        Ok(found)
    }

    async fn send(&self, params: &Params) -> Result<Vec<DomainAuth>, CallError> {
        let reply = self.post.post(params.form()).await.map_err(CallError::Failed)?;
        tracing::debug!(
            action = ACTION,
            status = reply.status,
            request = reply.request_id,
            "cloud API answered"
        );
        let mut hidden = vec![&self.access.key];
        hidden.extend(&self.access.token);
        read(&reply, &hidden, self.clock.now())
    }

    /// All parameters and the signature. Optional ones that are empty are neither signed nor sent.
    fn signed(&self, domain: &str) -> Params {
        let access = &self.access;
        let mut params = Params::new()
            .with("Action", ACTION)
            .with_secret("PublicKey", &access.id)
            .with("Region", &access.region)
            .with("Zone", &access.zone)
            .with_some("ProjectId", &access.project)
            .with_some("Domain", domain);
        if let Some(token) = &access.token {
            params = params.with_secret("SecurityToken", token);
        }
        let signature = sign::sign(&access.key, &params);
        params.with("Signature", signature)
    }
}

/// An answer's code decides whatever its HTTP status; without one, the status does.
fn read(reply: &Reply, secrets: &[&Secret], now: DateTime<Utc>) -> Result<Vec<DomainAuth>, CallError> {
    let head: answer::Head = serde_json::from_str(reply.body.expose()).map_err(|_| not_the_form(reply))?;
    if head.ret_code != 0 {
        let kind = codes::kind(head.ret_code);
        return Err(CallError::Refused(Refusal::new(
            head.ret_code,
            kind,
            &head.message,
            secrets,
            reply,
            now,
        )));
    }
    if reply.status != 200 {
        return Err(not_the_form(reply));
    }
    serde_json::from_str::<answer::Body>(reply.body.expose())
        .map(|body| body.auth_configs.unwrap_or_default())
        .map_err(|error| CallError::Unusable { detail: tolerant::place(&error), passing: false })
}

#[cfg(test)]
mod tests;
