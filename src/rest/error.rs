//! Why a call failed, classified once: what to do about it is decided from [`Disposition`] alone.

use crate::rest::model::JsonMap;
use crate::rest::route::Conflict;
use crate::rest::route::NotFound;
use crate::rest::route::Route;
use std::fmt;

mod code;

pub use code::ErrorCode;

/// A call that did not end in the answer that it was made for. Shows the call and the object, never a body or a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The call.
    pub route: &'static Route,
    /// The path with its arguments, without its query.
    pub path: String,
    /// The node that was asked, as `host:port`.
    pub node: String,
    /// What went wrong.
    pub kind: ErrorKind,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No connection. Nothing was sent.
    Connect(String),
    /// The node could not show that it is the one that is trusted. Nothing was sent.
    Untrusted(Mistrust),
    /// No complete answer within the deadline.
    Timeout,
    /// The connection ended before a complete answer.
    Lost(String),
    /// The server answered that it will not, or cannot.
    Refused(Refusal),
    /// The server pointed to another place to which credentials must not go.
    Redirected(String),
    /// The answer is longer than the call may bring.
    TooLarge {
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// A success whose body is not JSON: something in between answered.
    NotJson,
    /// A success whose JSON is not what the call answers; in words that quote none of it.
    Malformed(String),
    /// The request could not be put together.
    Unsendable(String),
}

/// Why the certificate of a node, or its handshake, was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistrust {
    /// Its key is none of those pinned, and no authority is given that could vouch for it.
    Pin {
        /// Pin of the key that it showed, `sha256/<base64>`.
        shown: String,
    },
    /// Its key is none of those pinned, and the authority does not vouch for it.
    Authority {
        /// Pin of the key that it showed, `sha256/<base64>`.
        shown: String,
        /// What speaks against it.
        why: String,
    },
    /// The handshake failed otherwise: no proof of the key, no common version, no TLS.
    Handshake(String),
}

/// An answer other than success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Error code of the body.
    pub code: Option<ErrorCode>,
    /// At most 200 characters of the body's explanation, without anything that may be a secret.
    pub hint: Option<String>,
}

/// What to do about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disposition {
    /// Something else is under way: come back in a few seconds.
    Busy,
    /// The picture that the call was decided on is out of date: read again.
    Stale,
    /// Nobody competent answers: come back, less and less often.
    Unreachable,
    /// The server understood and refuses: nothing helps but a change of the spec or of the cluster.
    Rejected,
    /// The credentials are wrong, locked, or lack a permission. Five wrong logins lock an account.
    Denied,
    /// Regent and the server misunderstand each other.
    Bug,
}

impl Error {
    /// HTTP status of the answer, if a refusal came.
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// Error code of the answer, if it had one.
    pub fn code(&self) -> Option<&ErrorCode> {
        self.refusal().and_then(|refusal| refusal.code.as_ref())
    }

    /// What the server said about it, without anything that may be a secret.
    pub fn hint(&self) -> Option<&str> {
        self.refusal().and_then(|refusal| refusal.hint.as_deref())
    }

    fn refusal(&self) -> Option<&Refusal> {
        match &self.kind {
            ErrorKind::Refused(refusal) => Some(refusal),
            ErrorKind::Connect(_)
            | ErrorKind::Untrusted(_)
            | ErrorKind::Timeout
            | ErrorKind::Lost(_)
            | ErrorKind::Redirected(_)
            | ErrorKind::TooLarge { .. }
            | ErrorKind::NotJson
            | ErrorKind::Malformed(_)
            | ErrorKind::Unsendable(_) => None,
        }
    }

    /// What to do about it.
    pub fn disposition(&self) -> Disposition {
        match &self.kind {
            ErrorKind::Connect(_)
            | ErrorKind::Untrusted(_)
            | ErrorKind::Timeout
            | ErrorKind::Lost(_)
            | ErrorKind::Redirected(_)
            | ErrorKind::NotJson => Disposition::Unreachable,
            ErrorKind::TooLarge { .. } | ErrorKind::Malformed(_) | ErrorKind::Unsendable(_) => {
                Disposition::Bug
            }
            ErrorKind::Refused(refusal) => refusal.disposition(self.route),
        }
    }

    /// Whether the call may have taken effect and must not be made again before a look: its answer was lost or says
    /// nothing, and sending it twice is not sending it once.
    pub fn outcome_unknown(&self) -> bool {
        !self.route.idempotent
            && match &self.kind {
                ErrorKind::Connect(_)
                | ErrorKind::Untrusted(_)
                | ErrorKind::Redirected(_)
                | ErrorKind::Unsendable(_) => false,
                ErrorKind::Timeout
                | ErrorKind::Lost(_)
                | ErrorKind::TooLarge { .. }
                | ErrorKind::NotJson
                | ErrorKind::Malformed(_) => true,
                ErrorKind::Refused(refusal) => {
                    refusal.status < 300 || matches!(refusal.status, 408 | 500 | 502 | 503 | 504)
                }
            }
    }

    /// Whether nothing was sent, so that the call may be made elsewhere.
    pub fn unsent(&self) -> bool {
        match &self.kind {
            ErrorKind::Connect(_) | ErrorKind::Untrusted(_) | ErrorKind::Unsendable(_) => true,
            ErrorKind::Timeout
            | ErrorKind::Lost(_)
            | ErrorKind::Refused(_)
            | ErrorKind::Redirected(_)
            | ErrorKind::TooLarge { .. }
            | ErrorKind::NotJson
            | ErrorKind::Malformed(_) => false,
        }
    }
}

impl Refusal {
    /// Reads an error body of either generation, plain text, HTML, or none. `secrets` are struck from the hint.
    pub fn read(status: u16, body: &[u8], secrets: &[&str]) -> Self {
        let text = std::str::from_utf8(body).unwrap_or_default().trim();
        if let Some(body) = ErrorBody::read(body) {
            let code = body
                .error_code
                .map(|code| ErrorCode::from(&*tidy(&code, secrets)));
            return Self {
                status,
                code,
                hint: body.words.and_then(|words| hint(&words, secrets)),
            };
        }
        let plain = !text.starts_with(['<', '{', '[', '"']);
        Self {
            status,
            code: None,
            hint: plain.then(|| hint(text, secrets)).flatten(),
        }
    }

    fn disposition(&self, route: &Route) -> Disposition {
        if let Some(disposition) = self.code.as_ref().and_then(ErrorCode::disposition) {
            return disposition;
        }
        match self.status {
            401 => Disposition::Denied,
            403 if self.speaks_of_license() => Disposition::Rejected,
            403 => Disposition::Denied,
            404 => match route.not_found {
                NotFound::Absent | NotFound::Stale => Disposition::Stale,
                NotFound::NotServed => Disposition::Unreachable,
            },
            // Older versions answer 406 where newer ones say 409: the database is not in a state to be deleted.
            406 if *route == crate::rest::route::DELETE_BDB => Disposition::Busy,
            409 => match route.conflict {
                Conflict::Busy => Disposition::Busy,
                Conflict::Stale => Disposition::Stale,
                Conflict::Undocumented => Disposition::Rejected,
            },
            400 | 406 | 413 | 422 | 501 => Disposition::Rejected,
            408 | 429 => Disposition::Unreachable,
            200..=299 | 402 | 405 | 407 | 410..=499 | 505 => Disposition::Bug,
            _ => Disposition::Unreachable,
        }
    }

    fn speaks_of_license(&self) -> bool {
        let code = self.code.as_ref().map(ErrorCode::as_str).unwrap_or_default();
        let hint = self.hint.as_deref().unwrap_or_default();
        code.contains("licen") || hint.to_ascii_lowercase().contains("licen")
    }
}

/// An error body of either generation.
struct ErrorBody {
    error_code: Option<String>,
    words: Option<String>,
}

impl ErrorBody {
    fn read(body: &[u8]) -> Option<Self> {
        let body: JsonMap = serde_json::from_slice(body).ok()?;
        let text = |key| {
            body.get(key)
                .and_then(serde_json::Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        // A bootstrap that fails has its words one level down.
        let details = || {
            body.get("error_details")?
                .get("message")?
                .as_str()
                .map(str::to_owned)
        };
        let words = text("description").or_else(|| text("message")).or_else(details);
        Some(Self {
            error_code: text("error_code"),
            words,
        })
    }
}

/// Whether a success carries the body of an error.
pub(crate) fn is_error_body(body: &[u8]) -> bool {
    ErrorBody::read(body).is_some_and(|read| read.error_code.is_some())
}

/// Longest hint, in characters.
const HINT_CHARS_MAX: usize = 200;
/// Words longer than this are more likely a key, a token or a licence than a word.
const WORD_CHARS_MAX: usize = 40;

fn hint(words: &str, secrets: &[&str]) -> Option<String> {
    let tidy = tidy(words, secrets);
    (!tidy.is_empty()).then_some(tidy)
}

/// One line of at most 200 characters, without control characters, long words, and `secrets`.
fn tidy(words: &str, secrets: &[&str]) -> String {
    let mut words = words.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        words = words.replace(secret, "…");
    }
    let shorten = |word: &str| match word.chars().count() {
        0..=WORD_CHARS_MAX => word.to_owned(),
        _ => "…".to_owned(),
    };
    let line: Vec<String> = words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(shorten)
        .collect();
    line.join(" ").chars().take(HINT_CHARS_MAX).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} at {}: {}",
            self.route.method, self.path, self.node, self.kind
        )
    }
}

impl std::error::Error for Error {}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(why) => write!(f, "no connection: {why}"),
            Self::Untrusted(mistrust) => write!(f, "not trusted, nothing was sent: {mistrust}"),
            Self::Timeout => f.write_str("no complete answer in time"),
            Self::Lost(why) => write!(f, "connection lost before a complete answer: {why}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Redirected(why) => write!(f, "redirect not followed: {why}"),
            Self::TooLarge { bytes_max } => write!(f, "the answer is longer than {bytes_max} bytes"),
            Self::NotJson => f.write_str("the answer is not JSON; is this the REST API?"),
            Self::Malformed(why) => write!(f, "the answer is not understood: {why}"),
            Self::Unsendable(why) => write!(f, "the request cannot be sent: {why}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        match &self.hint {
            Some(hint) => write!(f, ": {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Mistrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pin { shown } => write!(f, "it shows the key {shown}, which is not pinned"),
            Self::Authority { shown, why } => {
                write!(
                    f,
                    "it shows the key {shown}, which is not pinned, and the authority does not vouch for it: {why}"
                )
            }
            Self::Handshake(why) => write!(f, "the TLS handshake failed: {why}"),
        }
    }
}

impl std::error::Error for Mistrust {}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "Busy",
            Self::Stale => "Stale",
            Self::Unreachable => "Unreachable",
            Self::Rejected => "Rejected",
            Self::Denied => "Denied",
            Self::Bug => "Bug",
        })
    }
}

#[cfg(test)]
mod tests;
