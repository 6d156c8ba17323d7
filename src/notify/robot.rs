//! What a robot is sent and what its answer means. Pure: no network, no clock. Messages are plain text, so nothing that
//! stands in a roster can become markup or a mention.
//!
//! Sources: WeCom developer.work.weixin.qq.com/document/path/99110; DingTalk's page on custom robots; Feishu's guide to
//! custom bots. All three answer HTTP 200 with the error inside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rust_i18n::t;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Message, Undelivered};
use crate::config::RobotKind;
use crate::http::encode_pairs;
use crate::model::cut_bytes;
use crate::secret::Secret;

/// WeCom takes 2048 bytes of text, the others about 20 kB.
const MAX_TEXT: usize = 2000;
/// A message is read on a telephone.
const MAX_LINES: usize = 10;

/// Address and body of a message.
pub struct Letter {
    /// Where to; signed where the robot wants that.
    pub url: Secret,
    /// JSON.
    pub body: Secret,
}

/// Puts a message into the form that this kind of receiver takes.
pub fn letter(
    kind: RobotKind,
    url: &Secret,
    secret: Option<&Secret>,
    message: &Message,
    names: bool,
    now: DateTime<Utc>,
) -> Letter {
    let text = text(message, names);
    let mut address = url.expose().to_owned();
    let body = match kind {
        RobotKind::Wecom => json!({ "msgtype": "text", "text": { "content": text } }),
        RobotKind::Dingtalk => {
            if let Some(secret) = secret {
                let time = now.timestamp_millis().to_string();
                let sign = sign(secret.expose(), &format!("{time}\n{}", secret.expose()));
                address.push(if address.contains('?') { '&' } else { '?' });
                address.push_str(&encode_pairs([("timestamp", time.as_str()), ("sign", sign.as_str())]));
            }
            json!({ "msgtype": "text", "text": { "content": text } })
        }
        RobotKind::Feishu => {
            let mut body = json!({ "msg_type": "text", "content": { "text": text } });
            if let Some(secret) = secret {
                let time = now.timestamp().to_string();
                // As DingTalk's, with key and message the other way round.
                body["sign"] = json!(sign(&format!("{time}\n{}", secret.expose()), ""));
                body["timestamp"] = json!(time);
            }
            body
        }
        RobotKind::Webhook => webhook(message, names, now),
    };
    Letter { url: Secret::new(address), body: Secret::new(body.to_string()) }
}

/// The whole of a message, for programs.
fn webhook(message: &Message, names: bool, now: DateTime<Utc>) -> Value {
    let people: &[String] = if names { &message.people } else { &[] };
    json!({
        "version": 1, "event": message.event, "title": message.title, "lines": message.lines, "people": people,
        "target": message.target, "run_id": message.run, "at": now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    })
}

/// All lines of a message, for where there is room.
pub fn plain(message: &Message, names: bool) -> String {
    let people: &[String] = if names { &message.people } else { &[] };
    message.lines.iter().chain(people).map(|line| format!("{line}\n")).collect()
}

/// The first lines of a message, for people.
pub fn text(message: &Message, names: bool) -> String {
    let people: &[String] = if names { &message.people } else { &[] };
    let all = message.lines.len() + people.len();
    let mut text = message.title.clone();
    for line in message.lines.iter().chain(people).take(MAX_LINES) {
        text.push('\n');
        text.push_str(line);
    }
    let text = cut_bytes(&text, MAX_TEXT);
    match all.saturating_sub(MAX_LINES) {
        0 => text.to_owned(),
        more => format!("{text}\n{}", t!("notify.more", more = more)),
    }
}

fn sign(key: &str, message: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        // HMAC takes keys of any length.
        return String::new();
    };
    mac.update(message.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[derive(Deserialize)]
struct Said {
    #[serde(alias = "errcode", alias = "StatusCode")]
    code: Option<i64>,
    #[serde(alias = "errmsg", alias = "StatusMessage", default)]
    msg: String,
}

/// Codes that say: not so often. WeCom 45009, DingTalk 130101 (blocked for ten minutes), Feishu 11232.
const TOO_OFTEN: [(RobotKind, i64); 3] =
    [(RobotKind::Wecom, 45009), (RobotKind::Dingtalk, 130_101), (RobotKind::Feishu, 11232)];
/// WeCom: there is no robot at this address.
const NO_ROBOT: (RobotKind, i64) = (RobotKind::Wecom, 93000);

/// Whether an answer means that the message was taken; else why not.
///
/// # Errors
/// With the receiver's own words, or the HTTP status.
pub fn taken(kind: RobotKind, status: u16, body: &[u8]) -> Result<(), Undelivered> {
    if status == 429 {
        return Err(Undelivered::Away(t!("notify.too_often", said = "HTTP 429").into_owned()));
    }
    if !(200..300).contains(&status) {
        return Err(Undelivered::Refused(format!("HTTP {status}")));
    }
    if kind == RobotKind::Webhook {
        return Ok(());
    }
    match serde_json::from_slice::<Said>(body) {
        Ok(Said { code: Some(0), .. }) => Ok(()),
        Ok(Said { code: Some(code), msg }) => Err(refused(kind, code, &msg)),
        Ok(Said { code: None, .. }) | Err(_) => {
            Err(Undelivered::Refused(t!("notify.no_answer").into_owned()))
        }
    }
}

fn refused(kind: RobotKind, code: i64, msg: &str) -> Undelivered {
    let said = format!("{code} {}", cut_bytes(msg, 200));
    if TOO_OFTEN.contains(&(kind, code)) {
        return Undelivered::Away(t!("notify.too_often", said = said).into_owned());
    }
    if NO_ROBOT == (kind, code) {
        return Undelivered::Away(t!("notify.no_robot", said = said).into_owned());
    }
    Undelivered::Refused(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Event;

    fn message(lines: usize) -> Message {
        let lines = (1..=lines).map(|n| format!("line {n}")).collect();
        Message {
            people: vec!["10023".into()],
            target: Some("hq".into()),
            run: Some("7".into()),
            ..Message::new(Event::Held, "rosterd hq: held".into(), lines)
        }
    }

    fn sent(kind: RobotKind, url: &str, lines: usize, names: bool) -> (String, Value) {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let secret = Secret::new("SECabc".into());
        let letter = letter(kind, &Secret::new(url.into()), Some(&secret), &message(lines), names, now);
        (letter.url.expose().to_owned(), serde_json::from_str(letter.body.expose()).unwrap())
    }

    /// The signatures were computed with another program.
    #[test]
    fn each_robot_gets_its_form_and_its_signature() {
        let (url, body) = sent(RobotKind::Wecom, "https://w/send?key=K", 1, false);
        assert_eq!(url, "https://w/send?key=K");
        assert_eq!(body, json!({ "msgtype": "text", "text": { "content": "rosterd hq: held\nline 1" } }));
        let (url, body) = sent(RobotKind::Dingtalk, "https://d/send?access_token=T", 1, false);
        let sign = "jcUpW0QmtKduN03n4JqQ0PBosVjqnM8gU7fIIvsDmCM%3D";
        assert_eq!(url, format!("https://d/send?access_token=T&timestamp=1700000000000&sign={sign}"));
        assert_eq!(body["text"]["content"], "rosterd hq: held\nline 1");
        let (url, body) = sent(RobotKind::Feishu, "https://f/hook/ID", 1, false);
        assert_eq!(url, "https://f/hook/ID");
        assert_eq!(body["sign"], "XprR1de+0SSBnwWyU/4k6x2TL+Q2SJlM5NNEdAv7MWg=");
        assert_eq!((&body["timestamp"], &body["msg_type"]), (&json!("1700000000"), &json!("text")));
        let (_, body) = sent(RobotKind::Webhook, "https://h/", 1, false);
        assert_eq!(
            (&body["event"], &body["target"], &body["people"]),
            (&json!("held"), &json!("hq"), &json!([]))
        );
    }

    #[test]
    fn people_are_named_only_where_that_is_wanted_and_long_messages_end() {
        let text = |lines, names| {
            sent(RobotKind::Wecom, "https://w/", lines, names).1["text"]["content"].to_string()
        };
        assert!(!text(2, false).contains("10023") && text(2, true).contains("10023"));
        let long = text(30, false);
        assert!(long.contains("line 10") && !long.contains("line 11") && long.contains("20"), "{long}");
    }

    #[test]
    fn an_error_inside_a_good_status_is_an_error() {
        let said = |kind, status, body: &str| taken(kind, status, body.as_bytes());
        let wecom = |body| said(RobotKind::Wecom, 200, body);
        assert_eq!(wecom(r#"{"errcode":0,"errmsg":"ok"}"#), Ok(()));
        let refused = |text: &str| Err(Undelivered::Refused(text.into()));
        assert_eq!(wecom(r#"{"errcode":40058,"errmsg":"too long"}"#), refused("40058 too long"));
        assert!(matches!(wecom("<html>"), Err(Undelivered::Refused(_))) && wecom("{}").is_err());
        assert_eq!(said(RobotKind::Feishu, 200, r#"{"code":0,"msg":"success"}"#), Ok(()));
        let sign = said(RobotKind::Feishu, 200, r#"{"code":19021,"msg":"sign match fail"}"#);
        assert_eq!(sign, refused("19021 sign match fail"));
        assert_eq!(said(RobotKind::Webhook, 204, ""), Ok(()));
        assert_eq!(said(RobotKind::Webhook, 404, ""), refused("HTTP 404"));
    }

    #[test]
    fn a_robot_that_is_gone_or_has_enough_is_left_alone() {
        let away = |kind, status, body: &str| match taken(kind, status, body.as_bytes()) {
            Err(Undelivered::Away(cause)) => cause,
            other => format!("{other:?}"),
        };
        let gone = away(RobotKind::Wecom, 200, r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#);
        assert_eq!(gone, "there is no robot at this address any more: 93000 invalid webhook url");
        let often = "the robot takes no more messages for now: ";
        let wecom = away(RobotKind::Wecom, 200, r#"{"errcode":45009,"errmsg":"freq"}"#);
        assert_eq!(wecom, format!("{often}45009 freq"));
        let dingtalk = away(RobotKind::Dingtalk, 200, r#"{"errcode":130101,"errmsg":"too fast"}"#);
        assert_eq!(dingtalk, format!("{often}130101 too fast"));
        let feishu = away(RobotKind::Feishu, 200, r#"{"code":11232,"msg":"limited"}"#);
        assert_eq!(feishu, format!("{often}11232 limited"));
        assert_eq!(away(RobotKind::Webhook, 429, ""), format!("{often}HTTP 429"));
    }
}
