//! Every kind of TLS server that is met in the field, against both TLS libraries: which of them talks to it under the
//! right pin, and that neither does under a wrong one.

use openssl::dh::Dh;
use openssl::ssl::{SslContextBuilder, SslVersion};
use rosterd::http::{Backend, FailureKind, Request, Trust};
use rosterd::secret::Secret;

use crate::tls::transport;
use crate::tls_old::{self as old, Making as Old};
use crate::tls_server::{self as server, Device, Identity, Making, ec, rsa_2048};

/// What is expected of a library under the right pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Works,
    /// Refused in the handshake, with these words.
    Refuses(&'static str),
    /// No connection, as far as anybody can tell.
    NoConnection,
}
use Expect::{NoConnection, Refuses, Works};

struct Kind {
    name: &'static str,
    rustls: Expect,
    openssl: Expect,
    identity: Identity,
    device: Device,
}

async fn kind(
    name: &'static str,
    rustls: Expect,
    openssl: Expect,
    identity: Identity,
    adjust: impl FnOnce(&mut SslContextBuilder),
) -> Kind {
    let device = old::openssl(&identity, adjust).await;
    Kind { name, rustls, openssl, identity, device }
}

fn tls12(ciphers: &'static str) -> impl FnOnce(&mut SslContextBuilder) {
    move |builder| {
        builder.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
        builder.set_cipher_list(&format!("{ciphers}:@SECLEVEL=0")).unwrap();
        builder.set_tmp_dh(&Dh::get_2048_256().unwrap()).unwrap();
    }
}

fn only(version: SslVersion) -> impl FnOnce(&mut SslContextBuilder) {
    move |builder| {
        builder.set_min_proto_version(Some(version)).unwrap();
        builder.set_max_proto_version(Some(version)).unwrap();
        builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    }
}

/// The words that point to the other backend.
const NEEDS_OPENSSL: Expect = Refuses("backend = \"openssl\"");

async fn kinds() -> Vec<Kind> {
    let usual = || Identity::own(Making::new(ec()));
    let big = || Identity::own(Making::new(rsa_2048()));
    let rsa = |bits| old::own(Old::new(bits));
    let v1 = old::own(Old { v1: true, ..Old::new(2048) });
    let sha1 = old::own(Old { sha1: true, ..Old::new(2048) });
    let authority = Identity::own(Making { authority: true, ..Making::new(rsa_2048()) });
    let antique = old::own(Old { v1: true, sha1: true, valid: (-4000, -400), ..Old::new(1024) });
    vec![
        kind("EC, anything", Works, Works, usual(), |_| {}).await,
        kind("RSA 2048", Works, Works, big(), |_| {}).await,
        kind("self-signed authority", Works, Works, authority, |_| {}).await,
        kind("signed with SHA-1", Works, Works, sha1, |_| {}).await,
        kind("TLS 1.3 only", Works, Works, usual(), only(SslVersion::TLS1_3)).await,
        kind("TLS 1.2 only", Works, Works, big(), only(SslVersion::TLS1_2)).await,
        kind("ECDHE with GCM", Works, Works, big(), tls12("ECDHE-RSA-AES128-GCM-SHA256")).await,
        kind("X.509 version 1", NEEDS_OPENSSL, Works, v1, |_| {}).await,
        kind("RSA 1024", NEEDS_OPENSSL, Works, rsa(1024), |_| {}).await,
        kind("RSA 1536", NEEDS_OPENSSL, Works, rsa(1536), |_| {}).await,
        kind("ECDHE with CBC", NEEDS_OPENSSL, Works, big(), tls12("ECDHE-RSA-AES128-SHA")).await,
        kind("RSA key exchange, GCM", NEEDS_OPENSSL, Works, big(), tls12("AES128-GCM-SHA256")).await,
        kind("RSA key exchange, CBC", NEEDS_OPENSSL, Works, big(), tls12("AES128-SHA")).await,
        kind("DHE", NEEDS_OPENSSL, Works, big(), tls12("DHE-RSA-AES128-GCM-SHA256")).await,
        kind("TLS 1.1 only", NEEDS_OPENSSL, Works, big(), only(SslVersion::TLS1_1)).await,
        kind("TLS 1.0 only", NEEDS_OPENSSL, Works, big(), only(SslVersion::TLS1)).await,
        kind("all old things at once", NEEDS_OPENSSL, Works, antique, tls12("AES128-SHA")).await,
        // Without a certificate there is nothing to pin: refused by both.
        kind("anonymous", Refuses("no common"), Refuses("no common"), big(), tls12("ADH-AES128-SHA")).await,
        kind("no encryption", Refuses("no common"), Refuses("no common"), big(), tls12("NULL-SHA256")).await,
        other(
            "HTTP",
            server::plain(b"HTTP/1.1 400 Bad Request\r\n\r\n").await,
            Refuses("not answer with TLS"),
        ),
        other("SSH", server::plain(b"SSH-2.0-OpenSSH_9.2\r\n").await, Refuses("not answer with TLS")),
        other("hangs up", server::closing().await, NoConnection),
    ]
}

fn other(name: &'static str, device: Device, both: Expect) -> Kind {
    Kind { name, rustls: both, openssl: both, identity: Identity::usual(), device }
}

async fn ask(kind: &Kind, backend: Backend, trust: Trust) -> Result<u16, (FailureKind, String)> {
    let request = Request::post_form(kind.device.url(), Secret::new("token=hunter2".into()));
    let answer = transport(trust, backend).send(request).await;
    answer.map(|answer| answer.status).map_err(|failure| (failure.kind, failure.detail))
}

#[tokio::test]
async fn every_kind_of_server_gets_its_verdict() {
    let stranger = Identity::usual();
    let mut wrong = Vec::new();
    for kind in kinds().await {
        for (backend, expect) in [(Backend::Rustls, kind.rustls), (Backend::Openssl, kind.openssl)] {
            let got = ask(&kind, backend, Trust::Pins(vec![kind.identity.pin()])).await;
            let right = match (&got, expect) {
                (Ok(200), Works) | (Err((FailureKind::Connect, _)), NoConnection) => true,
                (Err((FailureKind::Tls, detail)), Refuses(words)) => detail.contains(words),
                _ => false,
            };
            if !right {
                wrong.push(format!("{} {backend:?}: expected {expect:?}, got {got:?}", kind.name));
            }
            let before = kind.device.received().len();
            match ask(&kind, backend, Trust::Pins(vec![stranger.pin()])).await {
                Err((FailureKind::Tls | FailureKind::Connect, _)) => {}
                got => wrong.push(format!("{} {backend:?}, wrong pin: {got:?}", kind.name)),
            }
            let sent = kind.device.received().len() > before && matches!(expect, Works);
            if sent {
                wrong.push(format!("{} {backend:?}, wrong pin: something was sent", kind.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn old_certificates_may_stand_in_the_ca_file_too() {
    let making = Old { v1: true, sha1: true, valid: (-4000, -400), ..Old::new(1024) };
    let identity = old::own(making.clone());
    let device = old::openssl(&identity, tls12("AES128-SHA")).await;
    let file = identity.file();
    let kind = Kind { name: "old", rustls: Works, openssl: Works, identity, device };
    let trust = Trust::CaFile(file.path().into());
    assert_eq!(ask(&kind, Backend::Openssl, trust.clone()).await, Ok(200));
    let twin = old::own(making);
    let device = old::openssl(&twin, tls12("AES128-SHA")).await;
    let got = ask(&Kind { device, ..kind }, Backend::Openssl, trust).await;
    assert!(matches!(got, Err((FailureKind::Tls, _))), "{got:?}");
}
