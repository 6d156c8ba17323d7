//! Reading configurations: what is taken, and what is said about what is not.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::support::{NOT_YET, UNBUILT_GUARDS};
use super::*;
use crate::roster::Field;

const MINIMAL: &str = "roster.path = \"hr\"\n[[target]]\nname = \"hq\"\nurl = \"embedded\"\n";

fn read(text: &str, env: &[(&str, &str)]) -> Result<(Config, Vec<String>), ConfigError> {
    rust_i18n::set_locale("en");
    parse(text, Path::new("/etc/x.toml"), &env.iter().copied().collect())
}

fn good(text: &str) -> Config {
    read(text, &[]).unwrap_or_else(|e| panic!("{e}")).0
}

/// The problems of a text as lines.
fn problems(text: &str, env: &[(&str, &str)]) -> Vec<String> {
    match read(text, env) {
        Err(ConfigError::Invalid { problems, .. }) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("expected problems, got {other:?}"),
    }
}

/// Adds lines to a section of a minimal configuration and gives the one problem that follows.
fn problem(section: &str, lines: &str) -> String {
    let text = match section {
        "" => format!("{lines}\n{MINIMAL}"),
        "target" => format!("{MINIMAL}{lines}\n"),
        "roster" => {
            format!("[roster]\npath = \"hr\"\n{lines}\n[[target]]\nname = \"hq\"\nurl = \"embedded\"\n")
        }
        section => format!("{MINIMAL}[{section}]\n{lines}\n"),
    };
    let found = problems(&text, &[]);
    assert_eq!(found.len(), 1, "{section} {lines}: {found:#?}");
    found.into_iter().next().unwrap()
}

#[test]
fn a_minimal_file_gives_the_documented_defaults() {
    let config = good(MINIMAL);
    assert_eq!(config.target[0].guard, GuardConfig::default());
    assert_eq!(config.target[0].max_duration, Some(Span::seconds(4 * 3600)));
    assert_eq!(config.target[0].allow.len(), 6);
    assert_eq!(config.roster.settle, Span::seconds(5));
    assert_eq!(config.schedule.cron, ["0 30 2 * * *"]);
    assert_eq!(config.state.path, Path::new("/var/lib/rosterd/rosterd.db"));
}

#[test]
fn keys_of_maps_keep_their_spelling() {
    let text = format!(
        "{MINIMAL}[account.group_map]\n\"/总公司/信息部\" = \"/IT\"\n\"/A.B[0]/ c\" = \"/X.Y\"\n\
         [account.role_map]\n\"VPN-Admins\" = [\"Ops\"]\n\"/总公司.Sales\" = []\n\
         [target.auth.servers]\n3 = \"LDAP-总部\"\nAD = \"Main\"\n"
    );
    let config = good(&text);
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    };
    assert_eq!(config.account.group_map, map(&[("/总公司/信息部", "/IT"), ("/A.B[0]/ c", "/X.Y")]));
    assert_eq!(config.account.role_map.keys().collect::<Vec<_>>(), ["/总公司.Sales", "VPN-Admins"]);
    assert_eq!(config.account.role_map["VPN-Admins"], ["Ops"]);
    assert_eq!(config.target[0].auth.servers, map(&[("3", "LDAP-总部"), ("AD", "Main")]));
}

#[test]
fn the_environment_overrides_scalars_as_text() {
    let env = [
        ("ROSTERD__ROSTER__MAX_ROWS", "50"),
        ("ROSTERD__ROSTER__MAX_AGE", "36h"),
        ("ROSTERD__SCHEDULE__TIMEZONE", "UTC"),
        ("ROSTERD__SCHEDULE__CRON", "0 4 * * *"),
        ("ROSTERD__ROSTER__STRIP_PREFIX", "00123"),
        ("ROSTERD__APPROVAL__ALLOW_GUARD_FLAG", "false"),
        ("ROSTERD__ACCOUNT__ON_EMPTY__PHONE", "set"),
        ("ROSTERD__TARGET__0__GUARD__MAX_MISSING", "7"),
        ("ROSTERD__TARGET__0__GUARD__MAX_MISSING_PERCENT", "off"),
        ("ROSTERD__TARGET__0__MAX_DURATION", "off"),
        ("ROSTERD_CONFIG", "not ours"),
        ("PATH", "/bin"),
    ];
    let (config, _) = read(MINIMAL, &env).unwrap();
    assert_eq!(config.roster.max_rows, 50);
    assert_eq!(config.roster.max_age, Some(Span::seconds(36 * 3600)));
    assert_eq!(config.schedule.timezone, chrono_tz::UTC);
    assert_eq!(config.schedule.cron, ["0 4 * * *"]);
    assert_eq!(config.roster.strip_prefix, "00123", "a text stays a text");
    assert!(!config.approval.allow_guard_flag);
    assert_eq!(config.account.on_empty.phone, OnEmpty::Set);
    assert_eq!(config.target[0].guard.max_missing, Limit::at(7.0));
    assert_eq!(config.target[0].guard.max_missing_percent, Limit::OFF);
    assert_eq!(config.target[0].max_duration, None);
    assert_eq!(config.target[0].name.as_str(), "hq", "the rest of the target is still there");
}

#[test]
fn a_bad_variable_is_named_and_not_obeyed() {
    let env = [
        ("ROSTERD__ACCOUNT__DEFAULT_ROLES", "a"),
        ("ROSTERD__ROSTER__MAX_ROWS", "many"),
        ("ROSTERD__SCHEDULE__CORN", "0 3 * * *"),
        ("ROSTERD__TARGET__1__URL", "embedded"),
        ("ROSTERD__TARGET__HQ__URL", "embedded"),
        ("ROSTERD__ROSTER", "x"),
    ];
    let found = problems(MINIMAL, &env).join("\n");
    for part in [
        "ROSTERD__ACCOUNT__DEFAULT_ROLES: only a single value",
        "ROSTERD__ROSTER: only a single value",
        "ROSTERD__ROSTER__MAX_ROWS (roster.max_rows): \"many\" is the wrong sort of value; expected a whole number",
        "ROSTERD__SCHEDULE__CORN: overrides no setting that exists; did you mean ROSTERD__SCHEDULE__CRON?",
        "ROSTERD__TARGET__1__URL: target has 1 element(s)",
        "ROSTERD__TARGET__HQ__URL: ",
    ] {
        assert!(found.contains(part), "{part}\nnot in\n{found}");
    }
}

#[test]
fn an_unknown_key_names_its_path_and_the_nearest() {
    let says = |section: &str, lines: &str, wanted: &str| {
        let found = problem(section, lines);
        assert!(found.contains(wanted), "{found}\nlacks\n{wanted}");
    };
    says(
        "schedule",
        "corn = \"0 3 * * *\"",
        "schedule.corn: there is no such setting; did you mean schedule.cron?",
    );
    says(
        "target.gaurd",
        "max_missing = 3",
        "target[hq].gaurd: there is no such setting; did you mean target.guard?",
    );
    says(
        "target.guard",
        "max_mising = 3",
        "target[hq].guard.max_mising: there is no such setting; did you mean target.guard.max_missing?",
    );
    says(
        "target",
        "delete_after = \"3d\"",
        "target[hq].delete_after: there is no such setting here; it belongs to target.leavers.delete_after",
    );
    says("roster.columns", "employe_id = [\"工号\"]", "did you mean roster.columns.employee_id?");
    says("target.select", "departement = \"/x\"", "did you mean target.select.department?");
    says("rooster", "x = 1", "rooster: there is no such setting; did you mean roster?");
}

#[test]
fn what_is_not_built_is_refused_by_name_and_its_defaults_are_not() {
    assert_eq!(problem("web", "listen = \"127.0.0.1:8787\""), "web: not supported yet; take it out");
    let text = "roster.path = \"hr\"\n[[target]]\nname = \"hq\"\nurl = \"embedded\"\n[target.initial_password]\nmode = \"none\"\n";
    good(text);
    assert!(
        problem("schedule", "watch = true")
            .contains("schedule.watch: true is not supported yet; take it out or write false")
    );
    // Each entry names a setting of the schema or a section that is still to come: a slip here would refuse nothing.
    let shape = shape::Shape::new();
    let mut known = std::collections::BTreeSet::new();
    shape.visit(&mut |path| {
        known.insert(path.pattern());
    });
    for entry in NOT_YET {
        assert!(known.contains(entry.key) || entry.key == "web", "{}", entry.key);
    }
}

#[test]
fn every_guard_can_be_off_and_only_unbuilt_limits_are_refused() {
    let guards = serde_json::to_value(GuardConfig::default()).unwrap();
    for key in guards.as_object().unwrap().keys() {
        let line = match key.as_str() {
            "hold" => "hold = \"removals\"".to_owned(),
            "fields" => "fields = { group = \"off\" }".to_owned(),
            "sensitive_roles" => "sensitive_roles = []".to_owned(),
            key => format!("{key} = \"off\""),
        };
        good(&format!("{MINIMAL}[target.guard]\n{line}\n"));
    }
    for guard in UNBUILT_GUARDS {
        let found = problem("target.guard", &format!("{guard} = 7"));
        assert!(found.contains("is not supported yet") && found.contains(guard), "{found}");
    }
}

#[test]
fn everything_wrong_is_said_at_once_and_sorted() {
    let text = r#"
        extra = 1
        [roster]
        settle = "5 sec"
        max_rows = "5"
        min_rows = 5
        pick = "newst"
        [schedule]
        timezone = "Asia/Shangai"
        cron = ["0 3 1 * 1", "x"]
        [[target]]
        url = "http://10.1.1.1"
        max_duration = "4 hours"
        on_missing_group = "blok"
        [target.pace]
        concurrency = 2.5
        retries = -1
        [[target]]
        name = "b"
        url = "embedded"
        allow = ["add", "remove"]
        [[account.rule]]
        expires_on = "30.11.2026"
    "#;
    let found = problems(text, &[]);
    let expected = [
        "account.rule[0].expires_on: \"30.11.2026\" is not a date; write it like 2026-11-30",
        "extra: there is no such setting; did you mean",
        "roster.max_rows: \"5\" is the wrong sort of value; expected a whole number of 0 or more",
        "roster.path: there is no roster; name HR's file or folder here, or add [[roster.source]]",
        "roster.pick: \"newst\" is none of \"all\", \"newest\"; did you mean \"newest\"?",
        "roster.settle: \"5 sec\": 5 sec is not a duration; write 30s, 5m, 36h or 30d",
        "schedule.cron: \"0 3 1 * 1\": sets both the day of the month and the day of the week",
        "schedule.cron: \"x\": write five fields",
        "schedule.timezone: \"Asia/Shangai\" is not a time zone; did you mean \"Asia/Shanghai\"?",
        "target[0].max_duration: \"4 hours\"",
        "target[0].name: is missing; it has no default",
        "target[0].on_missing_group: \"blok\" is none of \"block\", \"stop\"; did you mean \"block\"?",
        "target[0].pace.concurrency: 2.5 is the wrong sort of value; expected a whole number of 0 or more",
        "target[0].pace.retries: -1 is the wrong sort of value",
        "target[b].allow[1]: \"remove\" is none of",
    ];
    for wanted in expected {
        assert!(found.iter().any(|line| line.starts_with(wanted)), "{wanted}\nnot in\n{found:#?}");
    }
    assert_eq!(found.len(), expected.len() + 2, "and key and address: {found:#?}");
}

#[test]
fn values_are_not_bent_into_shape() {
    for (section, line) in [
        ("roster", "max_rows = \"5\""),
        ("roster", "max_rows = 5.5"),
        ("roster", "max_rows = true"),
        ("roster", "max_rows = -5"),
        ("roster", "encoding = 8"),
        ("roster", "columns = [\"x\"]"),
        ("target", "create_groups = \"yes\""),
        ("target", "allow = \"add\""),
        ("target", "max_duration = 4"),
        ("target.guard", "max_missing = true"),
        ("account", "username = 7"),
    ] {
        let found = problem(section, line);
        assert!(found.contains("is the wrong sort of value"), "{found}");
    }
}

#[test]
fn addresses_are_checked_and_never_repeated() {
    let with = |url: &str| {
        let text =
            format!("roster.path = \"hr\"\n[[target]]\nname = \"hq\"\nurl = \"{url}\"\nkey = \"env:K\"\n");
        read(&text, &[]).map(drop).map_err(|e| e.to_string())
    };
    for url in [
        "https://10.1.1.1:4430",
        "https://vpn.corp.example/",
        "http://127.0.0.1:9",
        "http://[::1]:9",
        "http://localhost:80",
    ] {
        assert_eq!(with(url), Ok(()), "{url}");
    }
    for url in [
        "10.1.1.1:4430",
        "ftp://x",
        "https://user:hunter2@h:1",
        "https://h:1/cgi-bin",
        "https://h:1/?key=hunter2",
        "https://h:1/#x",
        "http://10.1.1.1",
        "http://127.0.0.1.evil.example",
        "Embedded",
        "",
    ] {
        let error = with(url).unwrap_err();
        assert!(error.contains("target[hq].url"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn keys_are_required_and_never_literal_or_shown() {
    let with = |line: &str| {
        let text =
            format!("roster.path = \"hr\"\n[[target]]\nname = \"hq\"\nurl = \"https://h:1\"\n{line}\n");
        problems(&text, &[]).join("\n")
    };
    assert!(with("").contains("target[hq].key: is missing"));
    assert!(
        with("key = \"hunter2hunter2\"").contains("a key written into the configuration itself is refused")
    );
    for line in ["key = \"hunter2\"", "key = 4711", "key = [\"hunter2\"]", "key = { value = \"hunter2\" }"] {
        let found = with(line);
        assert!(
            found.contains("target[hq].key") && !found.contains("hunter2") && !found.contains("4711"),
            "{found}"
        );
    }
    let from_env = problems(MINIMAL, &[("ROSTERD__TARGET__0__KEY", "hunter2")]).join("\n");
    assert!(from_env.contains("ROSTERD__TARGET__0__KEY") && !from_env.contains("hunter2"), "{from_env}");
}

#[test]
fn a_syntax_error_gives_the_place_but_not_the_line() {
    let error = read("[[target]]\nname = \"hq\"\nkey = \"hunter2\n", &[]).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("line 3") && text.contains("/etc/x.toml"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let twice = read("a = 1\na = 2\n", &[]).unwrap_err().to_string();
    assert!(twice.contains("line 2") && twice.contains("duplicate key"), "{twice}");
}

#[test]
fn trust_is_exactly_one_way() {
    let pin = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let with = |lines: &str| {
        let mut config = good(MINIMAL);
        config.target[0].tls = toml_tls(lines);
        let mut found = check::Findings::default();
        check::all(&config, &mut found);
        found.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for lines in
        ["", "system = true", "insecure = true", "ca_file = \"ca.pem\"", &format!("pin_sha256 = [\"{pin}\"]")]
    {
        assert_eq!(with(lines), "", "{lines}");
    }
    assert!(with("system = true\ninsecure = true").contains("exactly one"));
    assert!(with("insecure = true\nca_file = \"x\"").contains("exactly one"));
    assert!(with("pin_sha256 = []").contains("an empty list trusts nobody"));
    assert!(with("pin_sha256 = [\"AAAA\"]").contains("is not a pin"));
    assert!(with("pin_sha256 = [\"not base64 at all\"]").contains("is not a pin"));
}

fn toml_tls(lines: &str) -> TlsConfig {
    let file = config::File::from_str(lines, config::FileFormat::Toml);
    config::Config::builder().add_source(file).build().unwrap().try_deserialize().unwrap()
}

#[test]
fn single_settings_that_make_no_sense() {
    for (section, line, wanted) in [
        ("target.guard", "max_missing_percent = 101", "is not a percentage"),
        ("target.guard", "max_missing = 2.5", "is not a whole number"),
        ("target.guard", "max_add = -1", "the wrong sort of value"),
        ("target", "protect = [\"svc-[\"]", "is not a pattern"),
        ("target.select", "department = \"/a/{b\"", "is not a pattern"),
        ("target.leavers", "missing_runs = 0", "write 1 to"),
        ("target.pace", "concurrency = 0", "write 1 to 64"),
        ("target.pace", "delete_batch = 0", "write 1 to"),
        ("target.pace", "timeout = \"0s\"", "must be more than 0"),
        ("target", "max_duration = \"0s\"", "must be more than 0"),
        ("target.token", "recipe = \"{params}{timestamp}\"", "must hold both"),
        ("target.token", "recipe = \"{params}{time}{key}\"", "did you mean {timestamp}?"),
        ("target.manage", "note = \"add\"", "add is for roles only"),
        ("target.manage.adopted", "roles = \"own\"", "own for enabled only"),
        ("account", "username = \"{employe_id}\"", "did you mean {employee_id}?"),
        ("account", "username = \"user\"", "the same for everybody"),
        ("account", "note = \"{name\"", "is not a template"),
        ("account", "group = \"IT\"", "begins with /"),
        ("account.group_map", "\"总公司\" = \"/IT\"", "is not a path"),
        ("account.role_map", "\"销售\" = [\"CRM,OA\"]", "cannot hold a comma"),
        ("roster", "max_invalid_percent = 200.0", "is not a percentage"),
        ("roster", "min_rows = 9000000", "is more than max_rows"),
        ("roster", "identity = [\"name\"]", "at least two different fields"),
        ("roster.columns", "name = [\"姓名\"]\nlogin = [\"姓名\"]", "is also given for"),
        ("roster.status", "active = [\"外包\"]\nleft = [\"外包\"]", "is also listed as active"),
        ("roster", "delimiter = \"ab\"", "is not a delimiter"),
        ("schedule", "cron = \"0 61 * * * *\"", "schedule.cron"),
        ("schedule", "cron = []", "is empty"),
        ("state", "path = \"\"", "is empty"),
    ] {
        let found = problem(section, line);
        assert!(found.contains(wanted), "{section} {line}: {found}\nlacks\n{wanted}");
    }
}

#[test]
fn days_and_hours_without_changes_are_checked() {
    let mut config = good(MINIMAL);
    config.schedule.freeze = vec!["2027-02-12..2027-02-05".into(), "2027-02-05..2027-02-12".into()];
    config.schedule.delete_window = "Mon-Fri".into();
    let mut found = check::Findings::default();
    check::all(&config, &mut found);
    let keys: Vec<_> = found.problems.iter().map(|p| p.key.as_str()).collect();
    assert_eq!(keys, ["schedule.freeze", "schedule.delete_window"]);
}

#[test]
fn what_compiles_only_when_the_program_runs_is_compiled_here_too() {
    let text = "[[roster.source]]\nname = \"hr\"\npath = \"hr\"\nid = \"{phone}\"\n\
                [[target]]\nname = \"hq\"\nurl = \"embedded\"\n";
    let found = problems(text, &[]);
    assert!(found.len() == 1 && found[0].contains("{phone}"), "{found:?}");
}

#[test]
fn several_sources_are_checked_one_by_one() {
    let target = "[[target]]\nname = \"hq\"\nurl = \"embedded\"\n";
    let one =
        "[[roster.source]]\nname = \"wecom\"\npath = \"w_*.xlsx\"\nid = \"A-{login}\"\npick = \"newest\"\n";
    let config = good(&format!("{one}constant = {{ department = \"/子公司A\" }}\n{target}"));
    assert_eq!(config.roster.source[0].constant[&Field::Department], "/子公司A");
    for (lines, wanted) in [
        ("id = \"{logon}\"", "roster.source[x].id: there is no field {logon}; did you mean {login}?"),
        ("id = \"A\"", "the same for everybody"),
        ("proves = []", "roster.source[x].proves"),
        ("done_marker = \"done\"", "must hold {file}"),
        ("columns = { name = [\"N\"], login = [\"n\"] }", "is also given for"),
        ("kind = \"ldap\"", "has no path"),
    ] {
        let text = format!("{one}[[roster.source]]\nname = \"x\"\npath = \"x\"\n{lines}\n{target}");
        let found = problems(&text, &[]).join("\n");
        assert!(found.contains(wanted), "{lines}: {found}\nlacks\n{wanted}");
    }
    let unnamed = format!("{one}[[roster.source]]\nname = \"WeCom\"\n{target}");
    let found = problems(&unnamed, &[]).join("\n");
    assert!(found.contains("two sources are called WeCom") && found.contains("needs a path"), "{found}");
    assert!(
        problems(&format!("roster.path = \"x\"\n{one}{target}"), &[])
            .join("")
            .contains("keep one of the two")
    );
}

#[test]
fn targets_need_different_names() {
    let text = "roster.path = \"hr\"\n[[target]]\nname = \"HQ\"\nurl = \"embedded\"\n[[target]]\nname = \"hq\"\nurl = \"embedded\"\n";
    assert!(problems(text, &[]).join("\n").contains("target[hq].name: two targets are called hq"));
    assert!(problems("roster.path = \"hr\"", &[]).join("").contains("there is no [[target]]"));
}

#[test]
fn the_cloud_sections_need_no_gateway_and_check_themselves() {
    let oob = "[oob]\nregion = \"gz\"\nid = \"env:ID\"\nkey = \"env:KEY\"\n";
    assert!(good(oob).oob.is_some());
    let rotate = "rotate = [\"0 0 3 1 * *\", \"0 0 3 1 * 1\"]\nsink = \"file:x\"\nzone = 1\n";
    assert!(problems(&format!("{oob}{rotate}"), &[]).join("").starts_with("oob.rotate: \"0 0 3 1 * 1\""));
    assert!(problems(&format!("{MINIMAL}[ucloud]\nregion = \"cn-bj2\"\n"), &[]).len() > 1);
    let pasted = "endpoint = \"https://me:hunter2@h/\"\n";
    let found = problems(&format!("{oob}{pasted}"), &[]).join("");
    assert!(found.starts_with("oob.endpoint") && !found.contains("hunter2"), "{found}");
}

#[test]
fn durations_take_only_the_documented_units() {
    for (text, seconds) in
        [("30s", 30), ("5m", 300), ("36h", 129_600), ("30d", 2_592_000), ("0s", 0), ("1h30m", 5400)]
    {
        assert_eq!(Span::try_from(text.to_owned()).unwrap(), Span::seconds(seconds), "{text}");
    }
    for text in ["5M", "5", "", "h", "5 m", "1y", "1month", "-5s", "99999999999999999999d"] {
        assert!(Span::try_from(text.to_owned()).is_err(), "{text}");
    }
    for text in ["250ms", "90s", "1m", "25h", "2d", "0s"] {
        assert_eq!(Span::try_from(text.to_owned()).unwrap().to_string(), text);
    }
}

#[test]
fn the_digest_sees_settings_and_nothing_else() {
    let commented = format!(
        "# a comment\n{MINIMAL}allow = [\"add\", \"update\", \"rename\", \"enable\", \"disable\", \"delete\"]\n"
    );
    assert_eq!(digest(&good(MINIMAL)), digest(&good(&commented)));
    let (changed, _) = read(MINIMAL, &[("ROSTERD__TARGET__0__GUARD__MAX_MISSING", "51")]).unwrap();
    assert_ne!(digest(&good(MINIMAL)), digest(&changed));
}

#[test]
fn every_setting_survives_being_written_and_read() {
    let config = good(MINIMAL);
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
}

#[test]
fn files_are_found_and_their_mode_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rosterd.toml");
    let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    std::fs::write(&path, format!("\u{feff}{MINIMAL}")).unwrap();
    mode(0o640);
    let loaded = load(Some(&path), &Env::default()).unwrap();
    assert_eq!((loaded.base.as_path(), loaded.warnings.len()), (dir.path(), 0));
    assert_eq!(loaded.resolve(Path::new("hr")), dir.path().join("hr"));
    assert_eq!(loaded.resolve(Path::new("/hr")), Path::new("/hr"));
    mode(0o664);
    assert!(load(Some(&path), &Env::default()).unwrap().warnings[0].contains("chmod g-w"));
    mode(0o646);
    let refused = load(Some(&path), &Env::default()).unwrap_err();
    assert!(matches!(refused, ConfigError::Unreadable(AccessError::Writable { .. })), "{refused}");
    assert_eq!(refused.kind(), crate::reason::ErrorKind::ConfigUnreadable);
    std::fs::write(&path, b"a = 1\n# \xff\n").unwrap();
    mode(0o600);
    assert!(matches!(load(Some(&path), &Env::default()), Err(ConfigError::NotText { line: 2, .. })));
    let absent = load(Some(&dir.path().join("none")), &Env::default()).unwrap_err();
    assert!(matches!(&absent, ConfigError::Unreadable(e) if e.is_not_found()));
}

#[test]
fn the_schema_knows_every_field_of_a_person() {
    let text = schema().to_string();
    for field in Field::ALL {
        assert!(text.contains(field.as_str()), "{}", field.as_str());
    }
}
