//! Which language people read: chosen before the command line is parsed, because the help needs it.

use std::ffi::OsString;

use super::args::Lang;

/// `--lang`, else the locale. A value that clap will refuse counts as none.
pub fn choose(args: &[OsString]) -> Lang {
    asked(args).unwrap_or_else(|| of_locale(sys_locale::get_locale().as_deref()))
}

fn asked(args: &[OsString]) -> Option<Lang> {
    let mut args = args.iter().filter_map(|a| a.to_str()).skip(1).take_while(|a| *a != "--");
    while let Some(arg) = args.next() {
        let value = match arg.strip_prefix("--lang") {
            Some("") => args.next()?,
            Some(rest) => rest.strip_prefix('=')?,
            None => continue,
        };
        return match value {
            "zh" => Some(Lang::Zh),
            "en" => Some(Lang::En),
            _ => None,
        };
    }
    None
}

fn of_locale(locale: Option<&str>) -> Lang {
    match locale.and_then(|l| l.get(..2)) {
        Some("zh") => Lang::Zh,
        _ => Lang::En,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_found_wherever_it_stands() {
        let choose = |line: &str| asked(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(choose("rosterd --lang zh sync"), Some(Lang::Zh));
        assert_eq!(choose("rosterd sync --lang=en"), Some(Lang::En));
        assert_eq!(choose("rosterd sync --lang"), None);
        assert_eq!(choose("rosterd sync --lang fr"), None);
        assert_eq!(choose("rosterd history -- --lang=zh"), None);
        assert_eq!(choose("rosterd sync"), None);
    }

    #[test]
    fn a_chinese_locale_gives_chinese() {
        assert_eq!(of_locale(Some("zh-CN")), Lang::Zh);
        assert_eq!(of_locale(Some("zh-TW")), Lang::Zh);
        assert_eq!(of_locale(Some("en-US")), Lang::En);
        assert_eq!(of_locale(Some("C")), Lang::En);
        assert_eq!(of_locale(None), Lang::En);
    }
}
