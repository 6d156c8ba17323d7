//! A directory as a source of the roster, asked for real: OpenLDAP's `slapd` on loopback, with LDAPS, StartTLS, paged
//! searches, limits and referrals. Where it is not installed the tests are left out, which `needs` tells.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use serde_json::json;

use crate::cli_world::{Said, World};
use crate::needs::SLAPD;

const BASE: &str = "dc=corp,dc=test";
const PASSWORD: &str = "correct-horse";

/// A directory server of our own, gone when dropped.
struct Slapd {
    process: Child,
    plain: SocketAddr,
    tls: SocketAddr,
    ca: PathBuf,
    _folder: tempfile::TempDir,
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Attributes of Active Directory, which OpenLDAP does not bring along.
const SCHEMA: &str = "
attributetype ( 1.3.6.1.4.1.99999.1.1 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.2 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.3 NAME 'accountExpires' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.4 NAME 'employeeID' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.5 NAME 'department' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.6 NAME 'memberOf' EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
objectclass ( 1.3.6.1.4.1.99999.2.1 NAME 'user' SUP top AUXILIARY MAY ( sAMAccountName $ userAccountControl $ accountExpires $ employeeID $ department $ memberOf ) )
";

impl Slapd {
    /// Starts a server with these entries; `limits` are lines of its configuration. `None` where there is none.
    fn start(ldif: &str, limits: &str) -> Option<Self> {
        let slapd = SLAPD.or_leave_out()?;
        let slapadd = slapd.with_file_name("slapadd");
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("db")).unwrap();
        let issued =
            rcgen::generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
        fs::write(at("cert.pem"), issued.cert.pem()).unwrap();
        fs::write(at("key.pem"), issued.signing_key.serialize_pem()).unwrap();
        fs::write(at("ad.schema"), SCHEMA).unwrap();
        let shown = |name: &str| at(name).display().to_string();
        // Unless told otherwise the server gives 500 entries and no more.
        let limits = if limits.is_empty() { "sizelimit unlimited" } else { limits };
        let config = format!(
            "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
             include /etc/ldap/schema/inetorgperson.schema\ninclude {}\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
             TLSCertificateFile {}\nTLSCertificateKeyFile {}\nTLSCACertificateFile {}\n\
             database mdb\nsuffix \"{BASE}\"\nrootdn \"cn=admin,{BASE}\"\nrootpw {PASSWORD}\ndirectory {}\n\
             access to attrs=userPassword by anonymous auth by * none\naccess to * by * read\n{limits}\n",
            shown("ad.schema"),
            shown("cert.pem"),
            shown("key.pem"),
            shown("cert.pem"),
            shown("db"),
        );
        fs::write(at("slapd.conf"), config).unwrap();
        let top = format!(
            "dn: {BASE}\nobjectClass: top\nobjectClass: dcObject\nobjectClass: organization\no: corp\ndc: corp\n\n\
             dn: cn=reader,{BASE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n\
             cn: reader\nuserPassword: {PASSWORD}\n\n"
        );
        fs::write(at("data.ldif"), top + ldif).unwrap();
        let added = Command::new(slapadd)
            .args(["-q", "-f", &shown("slapd.conf"), "-l", &shown("data.ldif")])
            .output()
            .unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let (plain, tls) = (free(), free());
        let process = Command::new(slapd)
            .args(["-d", "0", "-f", &shown("slapd.conf")])
            .args(["-h", &format!("ldap://{plain} ldaps://{tls}")])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, plain, tls, ca: at("cert.pem"), _folder: folder };
        server.wait();
        Some(server)
    }

    /// Until it listens.
    fn wait(&self) {
        for address in [self.plain, self.tls] {
            let mut tries = 0;
            while TcpStream::connect(address).is_err() {
                tries += 1;
                assert!(tries < 20_000, "slapd does not start");
                std::thread::yield_now();
            }
        }
    }

    fn ldaps(&self) -> String {
        format!("ldaps://localhost:{}", self.tls.port())
    }

    fn ldap(&self) -> String {
        format!("ldap://localhost:{}", self.plain.port())
    }
}

fn unit(path: &str) -> String {
    let name = path.split(',').next().unwrap().trim_start_matches("ou=");
    format!("dn: {path},{BASE}\nobjectClass: organizationalUnit\nou: {name}\n\n")
}

fn user(id: &str, name: &str, unit: &str, more: &str) -> String {
    format!(
        "dn: cn={id},{unit}{BASE}\nobjectClass: inetOrgPerson\nobjectClass: user\ncn: {id}\nsn: {name}\n\
         displayName: {name}\nemployeeID: {id}\nsAMAccountName: u{id}\n{more}\n"
    )
}

/// A small company.
fn company() -> String {
    let units = ["ou=总公司", "ou=销售部,ou=总公司", "ou=财务部,ou=总公司", "ou=Groups"].map(unit).concat();
    units
        + &user(
            "00123",
            "张三",
            "ou=销售部,ou=总公司,",
            &format!(
                "department: 销售部\ntitle: 经理\nmobile: +86 138 0000 1111\nuserAccountControl: 512\n\
                 memberOf: cn=VPN\\2C 全员,ou=Groups,{BASE}\nmemberOf: cn=CRM\\;OA,ou=Groups,{BASE}\n\
                 accountExpires: 134405280000000000\n"
            ),
        )
        + &user(
            "00124",
            "李四",
            "ou=财务部,ou=总公司,",
            "department: 财务部\nmobile: 13900002222\nuserAccountControl: 514\naccountExpires: 0\n",
        )
        + &user("00125", "王芳", "ou=财务部,ou=总公司,", "department: 财务部\nuserAccountControl: 66048\n")
}

/// A world whose roster is this directory. `ldap`: lines of the directory's settings.
fn world(ldap: &str, source: &str) -> World {
    let world = World::new("[target.guard]\nmax_left_percent = 100.0\n");
    world.write(
        "rosterd.toml",
        &format!(
            "[state]\npath = \"state/rosterd.db\"\n[[target]]\nname = \"hq\"\nurl = \"embedded\"\n\
             [[roster.source]]\nname = \"ad\"\nkind = \"ldap\"\n{source}\n[roster.source.ldap]\nbase = \"{BASE}\"\n{ldap}"
        ),
    );
    world.write("password", PASSWORD);
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(world.path("password"), fs::Permissions::from_mode(0o600)).unwrap();
    world
}

fn entered(server: &Slapd, url: &str) -> String {
    format!(
        "url = \"{url}\"\nca_file = \"{}\"\nbind_dn = \"cn=reader,{BASE}\"\npassword = \"file:password\"\n",
        server.ca.display()
    )
}

fn check(world: &World) -> Said {
    world.run(&["roster", "check", "--output", "json"])
}

fn kind(said: Said) -> String {
    said.expect(1).json()["error"]["kind"].as_str().unwrap().to_owned()
}

#[test]
fn a_directory_becomes_accounts_over_ldaps_and_start_tls() {
    let Some(server) = Slapd::start(&company(), "") else { return };
    let start_tls = entered(&server, &server.ldap()) + "start_tls = true\n";
    for ldap in [entered(&server, &server.ldaps()), start_tls] {
        let world = world(&ldap, "");
        let report = check(&world).expect(0).json();
        assert_eq!(report["sources"][0]["files"][0]["format"], "ldap");
        assert_eq!((&report["people"], &report["refused"]), (&json!(3), &json!(0)), "{report}");
        let explained = world.run(&["explain", "00123", "--output", "json"]).expect(0).json();
        let fields = &explained["roster"]["fields"];
        assert_eq!(
            (&fields["name"], &fields["phone"], &fields["department"], &fields["expires_on"]),
            (&json!("张三"), &json!("138******11"), &json!("/销售部"), &json!("2026-11-30"))
        );
        assert_eq!(fields["roles"], "VPN, 全员, CRM;OA");
        let gone = world.run(&["explain", "00124"]).expect(0).out;
        assert!(gone.contains("left"), "{gone}");
        let plan = world.run(&["sync", "--dry-run", "--output", "json"]).expect(0).json();
        // A role with a comma cannot be told to a device, so 00123 is left alone; 00124 is disabled in the directory.
        assert_eq!(plan["targets"][0]["counts"]["add"], 1);
    }
}

#[test]
fn somebody_disabled_in_the_directory_loses_access_and_a_place_in_the_tree_is_a_department() {
    let Some(server) = Slapd::start(&company(), "") else { return };
    let attributes = "[roster.source.ldap.attributes]\ndepartment = \"dn\"\nroles = \"employeeType\"\n";
    let world = world(&(entered(&server, &server.ldaps()) + attributes), "");
    let first = world.run(&["sync", "--output", "json"]).expect(0).json();
    assert_eq!(first["targets"][0]["counts"]["add"], 2);
    let explained = world.run(&["explain", "00125", "--output", "json"]).expect(0).json();
    assert_eq!(explained["roster"]["fields"]["department"], "/总公司/财务部");
    let again = world.run(&["sync", "--output", "json"]).expect(0).json();
    assert_eq!(again["targets"][0]["outcome"], "no_changes");
    // The same directory, a day later.
    let later = company().replace("userAccountControl: 66048", "userAccountControl: 66050");
    let Some(later) = Slapd::start(&later, "") else { return };
    let config = fs::read_to_string(world.path("rosterd.toml")).unwrap();
    let config = config
        .replace(&server.tls.port().to_string(), &later.tls.port().to_string())
        .replace(&server.ca.display().to_string(), &later.ca.display().to_string());
    world.write("rosterd.toml", &config);
    let done = world.run(&["sync", "--output", "json"]).expect(0).json();
    assert_eq!(done["targets"][0]["counts"]["delete"], 1, "{done}");
}

#[test]
fn what_is_not_all_of_it_is_nothing() {
    let many: String = (0..1200)
        .map(|n| user(&format!("{n:05}"), "某人", "", "department: A\nuserAccountControl: 512\n"))
        .collect();
    let Some(server) = Slapd::start(&many, "") else { return };
    let report = check(&world(&entered(&server, &server.ldaps()), "")).expect(0).json();
    assert_eq!(report["people"], 1200, "three pages are one roster");

    let Some(limited) = Slapd::start(&many, "sizelimit size.soft=700 size.hard=700 size.prtotal=700") else {
        return;
    };
    let said = check(&world(&entered(&limited, &limited.ldaps()), "")).expect(1);
    assert_eq!(said.json()["error"]["kind"], "roster_ldap_limit");
    assert!(said.err.contains("a part of a directory is never used"), "{}", said.err);

    let referral = format!(
        "dn: ou=Elsewhere,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\nou: Elsewhere\n\
         ref: ldap://other.corp.test/ou=Elsewhere,{BASE}\n\n"
    );
    let Some(split) = Slapd::start(&(company() + &referral), "") else { return };
    let said = check(&world(&entered(&split, &split.ldaps()), "")).expect(1);
    assert_eq!(said.json()["error"]["kind"], "roster_ldap_referral");
    assert!(said.err.contains("other.corp.test"), "{}", said.err);

    // The connection breaks when so many bytes have come.
    let whole = through(&server, usize::MAX, |url| {
        check(&world(&entered(&server, &url), "")).expect(0);
    });
    for share in [10, 30, 50, 70, 90, 97] {
        through(&server, whole * share / 100, |url| {
            let said = kind(check(&world(&entered(&server, &url), "")));
            assert!(said == "roster_ldap_dropped" || said == "roster_ldap_tls", "{share} %: {said}");
        });
    }
}

/// Passes connections on until `limit` bytes have come back; how many did.
fn through(server: &Slapd, limit: usize, ask: impl FnOnce(String)) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ldaps://localhost:{}", listener.local_addr().unwrap().port());
    let tls = server.tls;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut near, _) = listener.accept().unwrap();
        let mut far = TcpStream::connect(tls).unwrap();
        let (mut up, mut up_far) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut up, &mut up_far);
            // Otherwise the other direction would wait for ever.
            let _ = up_far.shutdown(std::net::Shutdown::Both);
        });
        let (mut buffer, mut passed) = (vec![0; 4096], 0);
        while let Ok(length @ 1..) = far.read(&mut buffer) {
            let length = length.min(limit - passed);
            passed += length;
            if near.write_all(&buffer[..length]).is_err() || passed == limit {
                break;
            }
        }
        let _ = near.shutdown(std::net::Shutdown::Both);
        let _ = far.shutdown(std::net::Shutdown::Both);
        let _ = sender.send(passed);
    });
    ask(url);
    receiver.recv().unwrap()
}

#[test]
fn whom_it_does_not_know_it_does_not_ask() {
    let Some(server) = Slapd::start(&company(), "") else { return };
    let good = entered(&server, &server.ldaps());
    let cases = [
        ("roster_ldap_tls", good.replace(&format!("ca_file = \"{}\"\n", server.ca.display()), "")),
        (
            "roster_ldap_tls",
            good.replace(&server.ldaps(), &format!("ldaps://localhost:{}", server.plain.port())),
        ),
        ("roster_ldap_bind", good.replace("cn=reader", "cn=nobody")),
        ("roster_ldap_password", good.replace("file:password", "file:nowhere")),
        ("roster_ldap_filter", good.clone() + "filter = \"(((\"\n"),
        ("roster_ldap_no_entries", good.clone() + "filter = \"(uid=nobody)\"\n"),
        (
            "roster_ldap_no_key",
            good.clone()
                + "[roster.source.ldap.attributes]\nemployee_id = \"carLicense\"\nlogin = \"carLicense\"\n",
        ),
        ("config_invalid", good.replace(&server.ldaps(), "ldap://dc1.corp.test")),
    ];
    for (wanted, ldap) in cases {
        let said = check(&world(&ldap, ""));
        for text in [&said.err, &said.out] {
            assert!(!text.contains(PASSWORD), "{text}");
        }
        assert_eq!(kind(said), wanted, "{ldap}");
    }
    // A mistyped status attribute blocks everybody; it does not make them all stay for ever.
    let typo = good + "[roster.source.ldap.attributes]\nstatus = \"userAcountControl\"\n";
    assert_eq!(kind(check(&world(&typo, ""))), "roster_too_many_invalid");
}

#[test]
fn a_directory_that_may_be_absent_freezes_its_own_people() {
    let Some(server) = Slapd::start(&company(), "") else { return };
    let ldap =
        entered(&server, &server.ldaps()) + "[roster.source.ldap.attributes]\nroles = \"employeeType\"\n";
    let second = "[[roster.source]]\nname = \"hr\"\npath = \"hr\"\n";
    let world = world(&ldap, "required = false");
    let config = fs::read_to_string(world.path("rosterd.toml")).unwrap();
    let config = config.replace("[state]", "[roster]\nsettle = \"0s\"\n[state]") + second;
    world.write("rosterd.toml", &config);
    world.roster(&["90001,赵六,/总公司/销售部,销售,,在职", "90002,孙七,/总公司/销售部,销售,,在职"]);
    let first = world.run(&["sync", "--output", "json"]).expect(0).json();
    assert_eq!(first["targets"][0]["counts"]["add"], 4, "{first}");
    drop(server);
    world.roster(&["90001,赵六,/总公司/销售部,销售,,在职", "90002,孙七,/总公司/销售部,销售,,离职"]);
    let frozen = world.run(&["sync", "--output", "json"]).expect(0).json();
    let target = &frozen["targets"][0];
    assert_eq!(
        (&target["counts"]["delete"], &target["counts"]["blocked"]),
        (&json!(1), &json!(2)),
        "{target}"
    );
    assert_eq!(target["blocked"][0]["reason"], "frozen_source");
}
