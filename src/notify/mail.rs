//! E-mail: one plain message over SMTP, to a server that proves who it is. Which TLS is used is the configuration's
//! business; what is not encrypted stays on this machine.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use rust_i18n::t;

use super::{Roots, Undelivered};
use crate::config::{Mail, MailTls};
use crate::secret::Secret;

/// Time limit of one step of the conversation: greeting a busy server takes some seconds.
const TIMEOUT: Duration = Duration::from_secs(10);

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// A server, and who speaks to it.
pub struct Post {
    transport: Transport,
}

impl Post {
    /// Prepares the conversation; nothing is sent yet.
    ///
    /// # Errors
    /// If the certificates that are trusted cannot be used.
    pub fn new(mail: &Mail<'_>, password: Option<&Secret>, roots: &Roots) -> Result<Self, Undelivered> {
        let setup = |error: lettre::transport::smtp::Error| Undelivered::Away(chain(&error));
        let parameters = || {
            let mut builder = TlsParameters::builder(mail.host.to_owned());
            for root in roots {
                builder = builder.add_root_certificate(Certificate::from_der(root.to_vec())?);
            }
            builder.build()
        };
        let tls = match mail.tls {
            MailTls::Starttls => Tls::Required(parameters().map_err(setup)?),
            MailTls::Tls => Tls::Wrapper(parameters().map_err(setup)?),
            MailTls::None => Tls::None,
        };
        let builder: AsyncSmtpTransportBuilder = Transport::builder_dangerous(mail.host.to_owned());
        let mut builder = builder.port(mail.port).tls(tls).timeout(Some(TIMEOUT)).hello_name(hello());
        if let Some((name, password)) = mail.username.zip(password) {
            builder = builder.credentials(Credentials::new(name.to_owned(), password.expose().to_owned()));
        }
        Ok(Self { transport: builder.build() })
    }

    /// Sends one message to everybody, or to nobody.
    ///
    /// # Errors
    /// If the server does not take it.
    pub async fn send(
        &self,
        mail: &Mail<'_>,
        title: &str,
        text: String,
        now: DateTime<Utc>,
    ) -> Result<(), Undelivered> {
        let refused = |error: &dyn std::error::Error| Undelivered::Refused(chain(error));
        let address = |text: &str| text.parse::<Mailbox>().map_err(|e| refused(&e));
        let mut letter = lettre::Message::builder().from(address(mail.from)?).subject(title).date(now.into());
        for to in mail.to {
            letter = letter.to(address(to)?);
        }
        let letter = letter.header(ContentType::TEXT_PLAIN).body(text).map_err(|e| refused(&e))?;
        match self.transport.send(letter).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(refused(&error)),
            Err(error) => Err(Undelivered::Away(chain(&error))),
        }
    }

    /// Greets the server, encrypts, logs in, and sends nothing.
    ///
    /// # Errors
    /// If it is not reached, does not prove who it is, or does not let us in.
    pub async fn try_out(&self) -> Result<(), String> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(t!("notify.no_answer").into_owned()),
            Err(error) => Err(chain(&error)),
        }
    }
}

/// Names of machines are nobody's business.
fn hello() -> ClientId {
    ClientId::Domain("localhost".to_owned())
}

/// An error with what stands behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}
