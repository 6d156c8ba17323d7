//! Addresses of servers: which ones may be called at all. Calling them is the HTTP crate's business.

pub use url::Url;

/// A text that is not an address which may be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", rust_i18n::t!("http.bad_url", url = url, cause = cause))]
pub struct BadUrl {
    /// The address, without query and user.
    pub url: String,
    /// What is wrong with it.
    pub cause: String,
}

/// Checks an address: `https`, or `http` to a loopback address; with a host, without a user or a fragment.
pub fn check_url(text: &str) -> Result<Url, BadUrl> {
    let refuse = |cause: &str| {
        let shown = text.split(['?', '#']).next().unwrap_or_default();
        let shown = shown.rsplit_once('@').map_or(shown, |(_, host)| host);
        BadUrl { url: shown.to_owned(), cause: rust_i18n::t!(cause).into_owned() }
    };
    let url = Url::parse(text).map_err(|_| refuse("http.url_unreadable"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(refuse("http.url_no_host"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(refuse("http.url_extra"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(refuse("http.url_plain")),
        _ => Err(refuse("http.url_scheme")),
    }
}

/// Whether an address names this machine.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
