//! How the device writes its answers: PHP's JSON, everything beyond ASCII escaped, slashes too, numbers as text; and the
//! variations that quirks switch on.

use std::collections::BTreeMap;

use super::device::{Device, Reply, Shown};
use super::quirk::Quirk;

/// Fields that hold numbers, for the devices that write them so.
const NUMBERS: &[&str] = &[
    "id",
    "_id",
    "grpid",
    "parent",
    "auth_methods",
    "auth_type",
    "ext_auth_id",
    "expire",
    "attributes",
    "is_enable",
    "enable",
    "b_inherit_auth",
    "b_inherit_grpolicy",
    "pwd_last_change",
    "create_time",
    "allocateip",
    "is_first_login",
    "lastlogin_time",
    "last_active_time",
    "grpolicy_id",
    "caid",
    "token_svr_id",
    "is_bind_key",
];

/// The body of an answer.
pub(super) fn body(device: &Device, reply: &Reply) -> String {
    let mut out = String::from("{");
    if reply.code != 0 && device.has(Quirk::NoCode) {
        out.push_str("\"success\":false,\"error\":");
        text(&mut out, reply.message);
        out.push('}');
        return out;
    }
    let quote = if device.has(Quirk::CodeAsString) { "\"" } else { "" };
    out.push_str(&format!("\"code\":{quote}{}{quote},\"success\":{}", reply.code, reply.code == 0));
    if let Some(result) = &reply.result {
        let mut inner = String::new();
        let habits = Habits { ints: device.has(Quirk::NumbersAsInts), slip: device.has(Quirk::BadEscape) };
        shown(&mut inner, result, habits);
        out.push_str(",\"result\":");
        if device.has(Quirk::ResultAsString) {
            text(&mut out, &inner);
        } else {
            out.push_str(&inner);
        }
    }
    out.push_str(",\"message\":");
    text(&mut out, reply.message);
    out.push_str(",\"readOnlyInfo\":null}");
    out
}

/// How values are written.
#[derive(Clone, Copy)]
struct Habits {
    ints: bool,
    /// The slip of the vendor's sample: a backslash after the slash instead of before it.
    slip: bool,
}

fn shown(out: &mut String, result: &Shown, habits: Habits) {
    match result {
        Shown::One(fields) => object(out, fields, habits),
        Shown::Page(name, total, items) => {
            let quote = if habits.ints { "" } else { "\"" };
            out.push_str(&format!("{{\"{name}\":{quote}{total}{quote},\"data\":["));
            for (n, fields) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                object(out, fields, habits);
            }
            out.push_str("]}");
        }
    }
}

fn object(out: &mut String, fields: &BTreeMap<String, String>, habits: Habits) {
    out.push('{');
    for (n, (name, value)) in fields.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        text(out, name);
        out.push(':');
        if habits.slip && name == "grpname" {
            out.push_str(&format!("\"/\\{}\"", value.trim_start_matches('/')));
        } else if habits.ints && NUMBERS.contains(&name.as_str()) && value.parse::<i64>().is_ok() {
            out.push_str(value);
        } else {
            text(out, value);
        }
    }
    out.push('}');
}

/// A text as PHP's `json_encode` writes it.
fn text(out: &mut String, value: &str) {
    out.push('"');
    for unit in value.encode_utf16() {
        match char::from_u32(unit.into()) {
            Some(c @ ('"' | '\\' | '/')) => out.extend(['\\', c]),
            Some(c @ ' '..='~') => out.push(c),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_look_like_the_vendors() {
        let mut out = String::new();
        text(&mut out, "添加/\"a\\\n😀");
        assert_eq!(out, r#""\u6dfb\u52a0\/\"a\\\u000a\ud83d\ude00""#);
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(value in "(?s).{0,30}") {
            let mut out = String::new();
            text(&mut out, &value);
            prop_assert!(out.is_ascii());
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), value);
        }
    }
}
