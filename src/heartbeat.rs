//! `[heartbeat]`: signs of life for whoever notices silence. Only runs over the whole roster and for everybody send any;
//! one that does not arrive is logged and changes nothing else.

use std::path::Path;
use std::time::Duration;

use rust_i18n::t;
use serde::Deserialize;

use crate::clock::Clock;
use crate::config::{Env, HeartbeatConfig, HeartbeatKind};
use crate::http::{Options, Request, Transport, Trust, Url, check_url};
use crate::secret::ReadSecret as _;

/// Time limit of one attempt: a run waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before the one repeat.
const PAUSE: Duration = Duration::from_secs(1);
/// Largest answer that is read.
const MAX_ANSWER: usize = 64 << 10;

/// A sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// A run begins.
    Start,
    /// A run was good: over the whole roster, and nothing held.
    Good,
    /// A run ended with this exit code, or was held.
    Bad(u8),
}

/// Who waits for signs of life.
#[derive(Debug)]
pub struct Heartbeat<'a, C> {
    config: &'a HeartbeatConfig,
    base: &'a Path,
    env: &'a Env,
    clock: C,
}

impl<'a, C: Clock> Heartbeat<'a, C> {
    /// `base` is the configuration's folder.
    pub const fn new(config: &'a HeartbeatConfig, base: &'a Path, env: &'a Env, clock: C) -> Self {
        Self { config, base, env, clock }
    }

    /// Sends a sign of life. Takes some seconds at most; never fails.
    pub async fn beat(&self, beat: Beat) {
        match self.send(beat).await {
            Ok(()) => tracing::debug!(?beat, "heartbeat sent"),
            Err(cause) => tracing::warn!(?beat, cause, "heartbeat not sent"),
        }
    }

    /// The address, if it can be used.
    ///
    /// # Errors
    /// Why not, without the address.
    pub fn address(&self) -> Result<Url, String> {
        let reference = self.config.url.as_ref().ok_or_else(|| t!("config.heartbeat_url").into_owned())?;
        let url = reference.read(self.base, self.env).map_err(|error| error.to_string())?;
        // The address is the secret, so no error may quote it.
        check_url(url.expose()).map_err(|_| t!("notify.bad_url").into_owned())
    }

    async fn send(&self, beat: Beat) -> Result<(), String> {
        let Some(url) = form(self.config.kind, self.address()?, beat) else { return Ok(()) };
        let options = Options { max_body: MAX_ANSWER, ..Options::new(Trust::System, TIMEOUT) };
        let transport = Transport::new(&options).map_err(|error| error.to_string())?;
        let mut again = true;
        loop {
            let cause = match transport.send(Request::get(url.clone())).await {
                Ok(answer) if answer.status < 500 => return taken(answer.status, &answer.body),
                Ok(answer) => format!("HTTP {}", answer.status),
                Err(failure) => failure.detail,
            };
            if !std::mem::take(&mut again) {
                return Err(cause);
            }
            self.clock.sleep(PAUSE).await;
        }
    }
}

/// The address to call; `None` where the form has no word for this.
fn form(kind: HeartbeatKind, mut url: Url, beat: Beat) -> Option<Url> {
    match kind {
        HeartbeatKind::Healthchecks => {
            let end = match beat {
                Beat::Start => "start".to_owned(),
                Beat::Good => return Some(url),
                // A run that was held for a reason that is no error of its own has no code to tell.
                Beat::Bad(0) => "fail".to_owned(),
                Beat::Bad(code) => code.to_string(),
            };
            url.path_segments_mut().ok()?.pop_if_empty().push(&end);
        }
        HeartbeatKind::UptimeKuma => {
            let (status, msg) = match beat {
                Beat::Start => return None,
                Beat::Good => ("up", "OK".to_owned()),
                Beat::Bad(code) => ("down", format!("exit {code}")),
            };
            // The address that Uptime Kuma shows has these words in it already.
            let ours = ["status", "msg", "ping"];
            let others: Vec<(String, String)> =
                url.query_pairs().into_owned().filter(|(key, _)| !ours.contains(&key.as_str())).collect();
            url.query_pairs_mut()
                .clear()
                .extend_pairs(others)
                .extend_pairs([("status", status), ("msg", &msg)]);
        }
    }
    Some(url)
}

/// Uptime Kuma says no inside its answer.
#[derive(Deserialize)]
struct Said {
    ok: bool,
}

fn taken(status: u16, body: &[u8]) -> Result<(), String> {
    let refused = serde_json::from_slice::<Said>(body).is_ok_and(|said| !said.ok);
    if (200..300).contains(&status) && !refused { Ok(()) } else { Err(format!("HTTP {status}")) }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::clock::manual::ManualClock;
    use crate::secret::SecretRef;

    fn called(kind: HeartbeatKind, url: &str, beat: Beat) -> Option<String> {
        form(kind, Url::parse(url).unwrap(), beat).map(|url| url.to_string())
    }

    #[test]
    fn each_form_has_its_words() {
        let hc = |beat| called(HeartbeatKind::Healthchecks, "https://hc-ping.com/abc", beat).unwrap();
        assert_eq!(hc(Beat::Start), "https://hc-ping.com/abc/start");
        assert_eq!(hc(Beat::Good), "https://hc-ping.com/abc");
        assert_eq!(hc(Beat::Bad(6)), "https://hc-ping.com/abc/6");
        assert_eq!(hc(Beat::Bad(0)), "https://hc-ping.com/abc/fail");
        let slug = called(HeartbeatKind::Healthchecks, "https://hc/k/slug/?create=1", Beat::Start);
        assert_eq!(slug.as_deref(), Some("https://hc/k/slug/start?create=1"));
        let shown = "https://kuma/api/push/T?status=up&msg=OK&ping=";
        let kuma = |beat| called(HeartbeatKind::UptimeKuma, shown, beat);
        assert_eq!(kuma(Beat::Start), None);
        assert_eq!(kuma(Beat::Good).as_deref(), Some("https://kuma/api/push/T?status=up&msg=OK"));
        assert_eq!(kuma(Beat::Bad(1)).as_deref(), Some("https://kuma/api/push/T?status=down&msg=exit+1"));
    }

    #[test]
    fn a_refusal_inside_a_good_status_is_one() {
        assert_eq!(taken(200, b"OK"), Ok(()));
        assert_eq!(taken(200, br#"{"ok":true}"#), Ok(()));
        assert!(taken(200, br#"{"ok":false,"msg":"Monitor not found"}"#).is_err());
        assert!(taken(404, b"not found").is_err());
    }

    async fn beats(server: &MockServer, kind: HeartbeatKind, beat: Beat) -> Result<(), String> {
        let config = HeartbeatConfig { url: Some(SecretRef::Env("BEAT".into())), kind };
        let env = Env::from_iter([("BEAT", format!("{}/api/push/T", server.uri()))]);
        Heartbeat::new(&config, Path::new("."), &env, ManualClock::default()).send(beat).await
    }

    #[tokio::test]
    async fn what_is_called_is_what_the_form_says_and_a_hiccup_is_tried_again() {
        let server = MockServer::start().await;
        let get = || Mock::given(method("GET"));
        get().and(path("/api/push/T/start")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
        let down = get().and(path("/api/push/T")).and(query_param("status", "down"));
        let down = down.and(query_param("msg", "exit 4"));
        down.respond_with(ResponseTemplate::new(200).set_body_string(r#"{"ok":true}"#)).mount(&server).await;
        let once = get().and(path("/api/push/T/3")).respond_with(ResponseTemplate::new(503));
        once.up_to_n_times(1).mount(&server).await;
        get().and(path("/api/push/T/3")).respond_with(ResponseTemplate::new(200)).mount(&server).await;

        assert_eq!(beats(&server, HeartbeatKind::Healthchecks, Beat::Start).await, Ok(()));
        assert_eq!(beats(&server, HeartbeatKind::UptimeKuma, Beat::Bad(4)).await, Ok(()));
        assert_eq!(beats(&server, HeartbeatKind::Healthchecks, Beat::Bad(3)).await, Ok(()));
        assert_eq!(server.received_requests().await.unwrap().len(), 4);
        assert_eq!(beats(&server, HeartbeatKind::UptimeKuma, Beat::Good).await, Err("HTTP 404".into()));
    }
}
