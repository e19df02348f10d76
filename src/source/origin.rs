//! Whom a URL reaches: the one reading of a URL by which it is decided where passwords go, and by which the client
//! connects.

use std::fmt;
use std::net::IpAddr;

use ureq::http::Uri;

/// Scheme, host and port: what is sent to one origin is meant for no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    is_encrypted: bool,
    /// In lower case; an IPv6 address in brackets.
    host: String,
    port: u16,
}

/// Reads an absolute `http` or `https` URL. Refuses a user name or a password in it, and anything else about the host
/// that two readers could understand differently.
pub(super) fn parse(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    Origin::of(&uri)?;
    Some(uri)
}

/// Reads the `Location` of a redirect.
pub(super) fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    if location.contains("://") {
        return parse(location);
    }
    if location.starts_with("//") {
        return parse(&format!("{scheme}:{location}"));
    }
    let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = if location.starts_with('/') { location.to_owned() } else { format!("{folder}/{location}") };
    parse(&format!("{scheme}://{authority}{path}"))
}

impl Origin {
    /// Returns the origin of a URL that [`parse`] accepts.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let is_encrypted = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        let (host, port) = (authority.host(), authority.port_u16());
        let plain = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if host.is_empty() || authority.as_str() != plain {
            return None;
        }
        let port = port.unwrap_or(if is_encrypted { 443 } else { 80 });
        Some(Origin { is_encrypted, host: host.to_ascii_lowercase(), port })
    }

    /// Says whether TLS protects what is sent.
    pub(super) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Says whether the host is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let address = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host);
        address == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Host and port, as messages show them.
impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = if self.is_encrypted { 443 } else { 80 };
        if self.port == usual { out.write_str(&self.host) } else { write!(out, "{}:{}", self.host, self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Option<Origin> {
        Origin::of(&parse(text)?)
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for url in ["http://localhost", "http://LocalHost:5000/x", "http://127.9.9.9:80/", "https://[::1]:5000/"] {
            assert!(origin(url).is_some_and(|origin| origin.is_loopback()), "{url}");
        }
        for url in ["http://192.0.2.2/", "http://localhost.example.org/", "http://[2001:db8::1]:80/", "http://127.1/"] {
            assert!(origin(url).is_some_and(|origin| !origin.is_loopback()), "{url}");
        }
    }

    #[test]
    fn a_host_that_can_be_read_in_two_ways_is_refused() {
        for url in [
            "http://localhost:x@192.0.2.2/",
            "http://127.0.0.1:80@example.org/",
            "http://user@localhost/",
            "http://@localhost/",
            "http://localhost:x/",
            "http://localhost:/",
            "http://localhost:99999/",
            "http://",
            "http:///x",
            "//localhost/",
            "localhost/x",
            "ftp://localhost/",
            "http://local host/",
            "http://localhost\\@example.org/",
        ] {
            assert_eq!(origin(url), None, "{url}");
        }
        let beside = origin("http://127.0.0.1#@example.org/").map(|origin| origin.host);
        assert_eq!(beside.as_deref(), Some("127.0.0.1"), "a fragment is no part of the host");
    }

    #[test]
    fn scheme_host_and_port_make_an_origin() {
        assert_eq!(origin("https://example.org/a"), origin("https://EXAMPLE.org:443/b?c"));
        for other in ["http://example.org:443/", "https://example.org:5000/", "https://sub.example.org/"] {
            assert_ne!(origin("https://example.org/"), origin(other), "{other}");
        }
    }

    #[test]
    fn redirects_may_be_relative() {
        let base = parse("http://h:1/v2/a/blobs/x?q").expect("a URL");
        for (location, expected) in [
            ("https://cdn.example.org/y?z", Some("https://cdn.example.org/y?z")),
            ("//cdn.example.org/y", Some("http://cdn.example.org/y")),
            ("/y", Some("http://h:1/y")),
            ("y?z", Some("http://h:1/v2/a/blobs/y?z")),
            ("file:///etc/passwd", None),
            ("http://localhost:x@h/", None),
        ] {
            assert_eq!(resolve(&base, location).map(|uri| uri.to_string()).as_deref(), expected, "{location}");
        }
    }
}
