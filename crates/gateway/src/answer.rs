//! What an answer says, read tolerantly where devices are known to differ and strictly where a guess could do harm:
//! only `success: true` with code 0 is a yes, only a code is a no, everything else is no answer at all.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDate};

use super::json::Json;
use super::wire::Call;
use super::{
    GroupRecord, Outcome, Page, ReadError, Refusal, RefusalKind, RoleRecord, UserRecord, Why, WhyKind,
};
use crate::http::percent_encode;
use crate::model::{GroupPath, cut_bytes, is_deceptive, mask_phone};

/// Longest message of a device that is kept, in bytes.
const MAX_MESSAGE: usize = 500;

/// Texts that a device's message may echo and nobody may read.
#[derive(Default)]
pub struct Scrub(Vec<(String, String)>);

impl Scrub {
    /// Nothing to hide.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hides a secret, plain and percent-encoded.
    pub fn secret(self, secret: &str) -> Self {
        self.replace(secret, "[secret]".to_owned())
    }

    /// Masks phone numbers.
    pub fn phone(mut self, phone: &str) -> Self {
        self = self.replace(phone, mask_phone(phone));
        phone.split(';').fold(self, |scrub, number| scrub.replace(number, mask_phone(number)))
    }

    fn replace(mut self, text: &str, by: String) -> Self {
        if !text.is_empty() {
            let encoded = percent_encode(text);
            if encoded != text {
                self.0.push((encoded, by.clone()));
            }
            self.0.push((text.to_owned(), by));
        }
        self
    }

    fn apply(&self, message: &str) -> String {
        let mut text = message.to_owned();
        for (needle, by) in &self.0 {
            if text.contains(needle.as_str()) {
                text = text.replace(needle.as_str(), by);
            }
        }
        text.retain(|c| !is_deceptive(c));
        cut_bytes(&text, MAX_MESSAGE).to_owned()
    }
}

/// A usable answer.
enum Reply {
    Yes(Json),
    No { code: i64, message: String },
}

fn unusable(detail: impl Into<String>) -> Why {
    Why { kind: WhyKind::Unusable, detail: detail.into() }
}

/// Reads the envelope. `Err`: nobody can say what the device did.
fn reply(status: u16, body: &[u8]) -> Result<Reply, Why> {
    if status >= 500 {
        let detail = rust_i18n::t!("gateway.server_error", status = status).into_owned();
        return Err(Why { kind: WhyKind::ServerError, detail });
    }
    let fields = match Json::read(body) {
        Ok(Json::Object(fields)) => fields,
        Ok(_) => return Err(unusable(rust_i18n::t!("gateway.not_an_object", status = status))),
        Err(_) if body.trim_ascii_start().starts_with(b"<") => {
            return Err(unusable(rust_i18n::t!("gateway.html", status = status)));
        }
        Err(_) if (300..400).contains(&status) => {
            return Err(unusable(rust_i18n::t!("gateway.redirect", status = status)));
        }
        Err(e) => return Err(unusable(rust_i18n::t!("gateway.not_json", status = status, cause = e))),
    };
    let text = |name: &str| fields.get(name).and_then(Json::scalar).filter(|text| !text.is_empty());
    let message = text("message").or_else(|| text("error")).or_else(|| text("msg")).unwrap_or_default();
    let code = fields.get("code").and_then(Json::integer);
    let success = fields.get("success").and_then(Json::truth);
    match (code, success) {
        (Some(0), Some(true)) if status == 200 => {
            Ok(Reply::Yes(fields.get("result").cloned().unwrap_or(Json::Null)))
        }
        (Some(code), Some(false) | None) if code != 0 => Ok(Reply::No { code, message }),
        (None, _) => Err(unusable(rust_i18n::t!("gateway.no_code", status = status))),
        _ => Err(unusable(rust_i18n::t!("gateway.contradiction", status = status))),
    }
}

fn refusal(call: Call, code: i64, message: &str, scrub: &Scrub) -> Refusal {
    Refusal { code, kind: call.meaning(code), message: scrub.apply(message) }
}

/// The outcome of a change or a commit.
pub fn outcome(call: Call, status: u16, body: &[u8], scrub: &Scrub) -> Outcome {
    match reply(status, body) {
        Ok(Reply::Yes(_)) => Outcome::Applied,
        Ok(Reply::No { code, message }) => Outcome::Refused(refusal(call, code, &message, scrub)),
        Err(why) => Outcome::Unknown(why),
    }
}

/// The result of a reading call; `None`: the device says that there is no such thing.
fn read(call: Call, status: u16, body: &[u8], scrub: &Scrub) -> Result<Option<Json>, ReadError> {
    match reply(status, body).map_err(ReadError::Failed)? {
        Reply::Yes(Json::Text(inner)) => match Json::read(inner.as_bytes()) {
            Ok(result) => Ok(Some(result)),
            Err(e) => Err(no_result(&e.to_string())),
        },
        Reply::Yes(result) => Ok(Some(result)),
        Reply::No { code, message } => match refusal(call, code, &message, scrub) {
            Refusal { kind: RefusalKind::NoSuchName, .. } => Ok(None),
            refusal => Err(ReadError::Refused(refusal)),
        },
    }
}

fn no_result(cause: &str) -> ReadError {
    ReadError::Failed(unusable(rust_i18n::t!("gateway.no_result", cause = cause)))
}

/// The answer to `ExGetUserInfo`.
pub fn user(status: u16, body: &[u8], scrub: &Scrub) -> Result<Option<UserRecord>, ReadError> {
    match read(Call::User, status, body, scrub)? {
        None => Ok(None),
        Some(Json::Object(fields)) => record(scalars(fields)).map(Some).ok_or_else(|| no_result("name")),
        Some(_) => Err(no_result("result")),
    }
}

/// The answer to `GetGroupInfo` for this path.
pub fn group(
    path: &GroupPath,
    status: u16,
    body: &[u8],
    scrub: &Scrub,
) -> Result<Option<GroupRecord>, ReadError> {
    match read(Call::Group, status, body, scrub)? {
        None => Ok(None),
        Some(Json::Object(fields)) => {
            let id = fields.get("id").or_else(|| fields.get("_id")).and_then(Json::scalar);
            Ok(Some(GroupRecord { id: id.filter(|id| !id.is_empty()), path: path.clone() }))
        }
        Some(_) => Err(no_result("result")),
    }
}

/// The answer to `GetSearchData`.
pub fn users(status: u16, body: &[u8], scrub: &Scrub) -> Result<Page<UserRecord>, ReadError> {
    page(Call::Users, "totalUser", status, body, scrub, record)
}

/// The answer to `GetRoleListDataCloud`.
pub fn roles(status: u16, body: &[u8], scrub: &Scrub) -> Result<Page<RoleRecord>, ReadError> {
    page(Call::Roles, "totalCount", status, body, scrub, |mut fields| {
        let id = fields.remove("_id").or_else(|| fields.remove("id"));
        Some(RoleRecord { id, name: fields.remove("name")? })
    })
}

fn page<T>(
    call: Call,
    total: &str,
    status: u16,
    body: &[u8],
    scrub: &Scrub,
    item: impl Fn(BTreeMap<String, String>) -> Option<T>,
) -> Result<Page<T>, ReadError> {
    let Some(Json::Object(mut fields)) = read(call, status, body, scrub)? else {
        return Err(no_result("result"));
    };
    let total = fields.get(total).and_then(Json::integer).and_then(|n| u64::try_from(n).ok());
    let total = total.ok_or_else(|| no_result("total"))?;
    let Some(Json::List(list)) = fields.remove("data") else { return Err(no_result("data")) };
    let items = list.into_iter().map(|value| match value {
        Json::Object(fields) => item(scalars(fields)),
        _ => None,
    });
    let items = items.collect::<Option<Vec<_>>>().ok_or_else(|| no_result("data"))?;
    Ok(Page { total, items })
}

/// The fields that are no lists or objects, as text.
fn scalars(fields: BTreeMap<String, Json>) -> BTreeMap<String, String> {
    fields.into_iter().filter_map(|(name, value)| Some((name, value.scalar()?))).collect()
}

/// A user from the fields that the device shows. `None` without a name.
pub(super) fn record(mut fields: BTreeMap<String, String>) -> Option<UserRecord> {
    let mut take = |name: &str| fields.remove(name);
    let some = |text: &String| !text.is_empty() && text != "0";
    let name = take("name").filter(|name| !name.is_empty())?;
    let (parent_path, grpname) = (take("parent_path"), take("grpname"));
    let password_mark = take("passwd").map(|text| blake3::hash(text.as_bytes()).to_hex().to_string());
    drop((take("sec_key"), take("crypto_key")));
    let expires_on = expiry(take("gqsj"), take("ex_time"), take("expire"));
    Some(UserRecord {
        id: take("id").or_else(|| take("_id")).filter(|id| !id.is_empty()),
        name,
        group: parent_path.filter(|path| !path.is_empty()).or(grpname).filter(|path| !path.is_empty()),
        note: take("note"),
        phone: take("phone"),
        roles: take("role_name").map(|names| {
            names.split(',').map(str::trim).filter(|role| !role.is_empty()).map(str::to_owned).collect()
        }),
        enabled: truth(take("is_enable")),
        inherits_auth: truth(take("b_inherit_auth")),
        inherits_policy: truth(take("b_inherit_grpolicy")),
        ext_auth_id: take("ext_auth_id").filter(some),
        ext_auth_name: take("ext_auth_name").filter(|name| !name.is_empty()),
        expires_on,
        password_mark,
        password_changed: take("pwd_last_change"),
        other: fields,
    })
}

fn truth(text: Option<String>) -> Option<bool> {
    match text?.trim() {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// When an account expires. Newer firmware shows what an add sends (`gqsj`, `ex_time`); what `expire` holds, other than
/// 0, no manual says: a day is taken, and so are seconds since 1970, read in the vendor's own time zone.
fn expiry(
    gqsj: Option<String>,
    ex_time: Option<String>,
    expire: Option<String>,
) -> Option<Option<NaiveDate>> {
    match truth(gqsj) {
        Some(true) => return Some(None),
        Some(false) => return day(&ex_time?).map(Some),
        None => {}
    }
    match expire?.trim() {
        "" | "0" => Some(None),
        text => day(text).map(Some),
    }
}

fn day(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let date = text.split(' ').next().unwrap_or(text);
    NaiveDate::parse_from_str(date, "%Y-%m-%d").ok().or_else(|| {
        let moment = DateTime::from_timestamp(text.parse().ok().filter(|n| *n > 0)?, 0)?;
        Some(moment.with_timezone(&FixedOffset::east_opt(8 * 3600)?).date_naive())
    })
}

/// Reads any bytes as every kind of answer. For fuzzing: nothing may panic, whatever a device sends.
#[doc(hidden)]
pub fn read_anything(status: u16, body: &[u8]) -> usize {
    let scrub = Scrub::new().secret("secret").phone("13800138000");
    let calls = [Call::Add, Call::Update, Call::Delete, Call::AddGroup, Call::Kick, Call::Commit];
    let applied = calls.iter().filter(|c| outcome(**c, status, body, &scrub) == Outcome::Applied).count();
    let root = GroupPath::from_segments([]).ok();
    let read = [
        user(status, body, &scrub).is_ok(),
        users(status, body, &scrub).is_ok(),
        roles(status, body, &scrub).is_ok(),
        root.is_some_and(|root| group(&root, status, body, &scrub).is_ok()),
    ];
    applied + read.iter().filter(|ok| **ok).count()
}

#[cfg(test)]
mod tests;
