//! Questions that find out what kind of device is there and why it refuses us. They only read. What the answers come to
//! in words is `doctor`'s business.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::net::TcpStream;

use super::answer;
use super::client::HttpGateway;
use super::token::Recipe;
use super::wire::Form;
use super::{Dialect, Gateway, ReadError, Refusal, RefusalKind, Why, WhyKind};
use crate::clock::Clock;
use crate::http::tls::{Presented, present};
use crate::http::{Answer, Url};
use crate::model::Username;

/// A name that nobody has: a device that takes the token answers that there is no such user.
const NOBODY: &str = "rosterd-probe-nobody";

/// Above this a clock is off so far that good tokens may be refused (they live five minutes).
const SUSPECT: TimeDelta = TimeDelta::seconds(240);

/// What one signed question showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Whether the token was taken.
    pub accepted: bool,
    /// The device's clock (its `Date` header), where it says.
    pub device_time: Option<DateTime<Utc>>,
    /// Our clock at the answer.
    pub our_time: DateTime<Utc>,
}

impl Probe {
    /// How far the device's clock is ahead of ours.
    pub fn clock_ahead(&self) -> Option<TimeDelta> {
        Some(self.device_time? - self.our_time)
    }
}

/// Which recipe a device takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeFound {
    /// The recipe.
    pub recipe: Recipe,
    /// It was taken only when signed with the device's own time: our clock, or the device's, is wrong.
    pub by_device_clock: bool,
}

impl<C: Clock + Clone> HttpGateway<C> {
    /// Asks one question with the configured recipe.
    pub async fn probe(&self) -> Result<Probe, ReadError> {
        self.probe_with(self.recipe(), self.now().timestamp()).await
    }

    /// The answer to that question as it came: to tell a page, a redirect or another server from the interface.
    pub async fn probe_answer(&self) -> Result<Answer, ReadError> {
        let nobody = nobody()?;
        let form = Form::user(self.dialect(), &nobody);
        let (answer, _) = self.ask(&form, self.recipe(), self.now().timestamp()).await?;
        Ok(answer)
    }

    async fn probe_with(&self, recipe: &Recipe, at: i64) -> Result<Probe, ReadError> {
        let nobody = nobody()?;
        let (answer, scrub) = self.ask(&Form::user(self.dialect(), &nobody), recipe, at).await?;
        let device_time = answer.header("date").and_then(|text| DateTime::parse_from_rfc2822(text).ok());
        let accepted = match answer::user(answer.status, &answer.body, &scrub) {
            Ok(_) => true,
            Err(ReadError::Refused(refusal)) if refusal.kind == RefusalKind::Token => false,
            Err(error) => return Err(error),
        };
        Ok(Probe { accepted, device_time: device_time.map(|t| t.to_utc()), our_time: self.now() })
    }

    /// Finds the recipe that the device takes: the configured one, then the known ones; where the clocks differ by too
    /// much, the same again with the device's time. `None`: none of them, so it is the key or the list of addresses.
    pub async fn probe_recipes(&self) -> Result<Option<RecipeFound>, ReadError> {
        let mut recipes = vec![self.recipe().clone()];
        recipes.extend(Recipe::known().into_iter().filter(|known| known != self.recipe()));
        let mut ahead = None;
        for recipe in &recipes {
            let probe = self.probe_with(recipe, self.now().timestamp()).await?;
            if probe.accepted {
                return Ok(Some(RecipeFound { recipe: recipe.clone(), by_device_clock: false }));
            }
            ahead = probe.clock_ahead().filter(|ahead| ahead.abs() > SUSPECT);
        }
        let Some(ahead) = ahead else { return Ok(None) };
        for recipe in recipes.into_iter().filter(Recipe::sends_timestamp) {
            if self.probe_with(&recipe, (self.now() + ahead).timestamp()).await?.accepted {
                return Ok(Some(RecipeFound { recipe, by_device_clock: true }));
            }
        }
        Ok(None)
    }

    /// Tells the dialect by a reading call that only the newer one has. Needs a token that is taken.
    pub async fn probe_dialect(&self) -> Result<Dialect, ReadError> {
        let form = Form::roles(Dialect::Openapi, 0, 1);
        let (answer, scrub) = self.ask(&form, self.recipe(), self.now().timestamp()).await?;
        match answer::roles(answer.status, &answer.body, &scrub) {
            Ok(_) => Ok(Dialect::Openapi),
            Err(ReadError::Refused(refusal)) if refusal.kind == RefusalKind::NoSuchCall => {
                Ok(Dialect::UpdaterCloud)
            }
            Err(error) => Err(error),
        }
    }
}

/// What the server at an address presents: protocol, cipher, certificate and pin. It is trusted for nothing, and sent
/// nothing but a handshake; rustls or not, old devices included.
pub async fn presented(url: &Url, timeout: Duration) -> Result<Presented, Why> {
    match tokio::time::timeout(timeout, shake_hands(url)).await {
        Ok(result) => result,
        Err(_) => {
            let detail = rust_i18n::t!("http.timeout", seconds = timeout.as_secs_f32()).into_owned();
            Err(Why { kind: WhyKind::Timeout, detail })
        }
    }
}

async fn shake_hands(url: &Url) -> Result<Presented, Why> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(443);
    let tcp = TcpStream::connect((host, port)).await;
    let tcp = tcp.map_err(|e| Why { kind: WhyKind::Connect, detail: e.to_string() })?;
    present(host, tcp).await.map_err(|e| Why { kind: WhyKind::Tls, detail: e.to_string() })
}

fn nobody() -> Result<Username, ReadError> {
    Username::new(NOBODY).map_err(|e| {
        ReadError::Refused(Refusal { code: -2, kind: RefusalKind::BadRequest, message: e.to_string() })
    })
}
