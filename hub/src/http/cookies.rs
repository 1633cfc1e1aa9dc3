//! Cookies of a browser's session: two that scripts cannot read, and one for scripts to send back.

use std::time::Duration;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::Hub;
use crate::clock::until;
use crate::sessions::SignedIn;

/// Holds the access token.
pub(crate) const ACCESS: &str = "observatory_access";
/// Holds the refresh token; sent to where it is used only.
pub(crate) const REFRESH: &str = "observatory_refresh";
/// Holds what a page sends in [`CSRF_HEADER`].
pub(crate) const CSRF: &str = "observatory_csrf";
/// Remembers a sign-in that goes on elsewhere.
pub(crate) const FLOW: &str = "observatory_oidc";
/// Shows that a change comes from a page of ours: others can neither read the cookie nor set the header.
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";

const SESSION_PATH: &str = "/api/v1/hub/session";
const FLOW_PATH: &str = "/api/v1/hub/oidc";

/// The cookie's value.
pub(crate) fn of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs =
        headers.get_all(COOKIE).iter().filter_map(|pairs| pairs.to_str().ok()).flat_map(|pairs| pairs.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(own, _)| *own == name).map(|(_, value)| value)
}

/// What came in the header that goes with cookies.
pub(crate) fn csrf(headers: &HeaderMap) -> Option<&str> {
    headers.get(CSRF_HEADER)?.to_str().ok()
}

/// One cookie.
struct Cookie<'a> {
    name: &'static str,
    value: &'a str,
    path: &'static str,
    lasts: Duration,
    rules: &'static str,
}

const FOR_US: &str = "HttpOnly; SameSite=Strict";
/// A page of ours reads it.
const FOR_SCRIPTS: &str = "SameSite=Strict";
/// Comes along when the provider sends the browser back.
const FOR_RETURN: &str = "HttpOnly; SameSite=Lax";

impl Hub {
    /// Gives a browser its session.
    pub(crate) fn set_session_cookies(&self, headers: &mut HeaderMap, signed_in: &SignedIn) {
        let (session, access) = (until(self.now(), signed_in.expires_at), self.directory.tokens.lasts());
        let (refresh, csrf) = (signed_in.refresh.reveal(), signed_in.csrf.as_deref().unwrap_or_default());
        let cookies = [
            Cookie { name: ACCESS, value: signed_in.access.reveal(), path: "/", lasts: access, rules: FOR_US },
            Cookie { name: REFRESH, value: refresh, path: SESSION_PATH, lasts: session, rules: FOR_US },
            Cookie { name: CSRF, value: csrf, path: "/", lasts: session, rules: FOR_SCRIPTS },
        ];
        cookies.iter().for_each(|cookie| self.set_cookie(headers, cookie));
    }

    /// Takes the session from a browser.
    pub(crate) fn clear_session_cookies(&self, headers: &mut HeaderMap) {
        for (name, path, rules) in [(ACCESS, "/", FOR_US), (REFRESH, SESSION_PATH, FOR_US), (CSRF, "/", FOR_SCRIPTS)] {
            self.set_cookie(headers, &Cookie { name, value: "", path, lasts: Duration::ZERO, rules });
        }
    }

    /// Lets a browser remember a sign-in that goes on elsewhere.
    pub(crate) fn set_flow_cookie(&self, headers: &mut HeaderMap, state: &str) {
        let lasts = crate::oidc::FLOW;
        self.set_cookie(headers, &Cookie { name: FLOW, value: state, path: FLOW_PATH, lasts, rules: FOR_RETURN });
    }

    fn set_cookie(&self, headers: &mut HeaderMap, cookie: &Cookie<'_>) {
        let Cookie { name, value, path, lasts, rules } = cookie;
        let secure = if self.config.public_url.starts_with("https://") { "; Secure" } else { "" };
        let cookie = format!("{name}={value}; Path={path}; Max-Age={}; {rules}{secure}", lasts.as_secs());
        headers
            .append(SET_COOKIE, HeaderValue::from_str(&cookie).expect("tokens are letters, digits, dots and dashes"));
    }
}
