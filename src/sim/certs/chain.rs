//! A PEM text read into certificates: what the checks need to know of each.

use rustls_pki_types::{CertificateDer, pem::PemObject};
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_OCSP;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// What is known of a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    /// Distinguished name of the subject, for messages.
    pub(crate) subject: String,
    /// The same as RFC 2253 writes it: the last part first, no spaces after commas.
    pub(crate) subject_line: String,
    pub(crate) common_name: Option<String>,
    /// DNS entries of the subject's alternative names.
    pub(crate) dns_names: Vec<String>,
    /// Unix seconds.
    pub(crate) not_before: i64,
    /// Unix seconds.
    pub(crate) not_after: i64,
    /// DER of `SubjectPublicKeyInfo`.
    pub(crate) public_key_info: Vec<u8>,
    pub(crate) key: KeyType,
    pub(crate) weak_hash: bool,
    /// `None` without the extension, which then allows everything.
    pub(crate) extended_usage: Option<ExtendedUsage>,
    /// As above.
    pub(crate) key_usage: Option<KeyUsage>,
    /// Where its authority answers questions about its status.
    pub(crate) ocsp_responder: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ExtendedUsage {
    pub(crate) server_auth: bool,
    pub(crate) client_auth: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyUsage {
    pub(crate) digital_signature: bool,
    pub(crate) key_encipherment: bool,
}

/// The kind of a certificate's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyType {
    Rsa { bits: usize },
    Ec,
    Other,
}

impl KeyType {
    /// Whether at least one cipher suite of an OpenSSL list can authenticate with such a key.
    pub(crate) fn suits(self, ciphers: &str) -> bool {
        let own = match self {
            Self::Rsa { .. } => "RSA",
            Self::Ec => "ECDSA",
            Self::Other => return false,
        };
        let tokens = || ciphers.split([':', ',', ' ']).filter(|token| !token.is_empty());
        let excluded = |token: &str| {
            token
                .strip_prefix('!')
                .is_some_and(|rest| rest == own || rest == format!("a{own}"))
        };
        if tokens().any(excluded) {
            return false;
        }
        let wanted = |token: &&str| !token.starts_with(['!', '-', '@']);
        let mut wanted = tokens().filter(wanted).peekable();
        wanted.peek().is_none() || wanted.any(|token| self.authenticates(token))
    }

    /// Whether a suite or group of suites such as `HIGH`, `ECDHE-ECDSA-AES128-GCM-SHA256` or `AES128-SHA` takes this key.
    fn authenticates(self, token: &str) -> bool {
        let names_ecdsa = token.contains("ECDSA");
        let names_rsa = token.contains("RSA");
        let group = matches!(
            token.trim_start_matches('+'),
            "DEFAULT" | "ALL" | "HIGH" | "MEDIUM" | "COMPLEMENTOFALL"
        );
        match self {
            Self::Rsa { .. } => group || names_rsa || !names_ecdsa,
            Self::Ec => group || names_ecdsa,
            Self::Other => false,
        }
    }
}

impl Certificate {
    /// Whether `issuer` signed this certificate.
    pub(crate) fn is_issued_by(&self, issuer: &Self) -> bool {
        let (Ok((_, own)), Ok((_, issuer))) = (
            X509Certificate::from_der(&self.der),
            X509Certificate::from_der(&issuer.der),
        ) else {
            return false;
        };
        own.issuer().as_raw() == issuer.subject().as_raw()
            && own.verify_signature(Some(issuer.public_key())).is_ok()
    }
}

/// Every certificate of a PEM text, in its order.
///
/// # Errors
/// Says which certificate, counted from 1, cannot be read.
pub(crate) fn read_bundle(pem: &str) -> Result<Vec<Certificate>, String> {
    let read = |(place, der): (usize, Result<CertificateDer<'static>, _>)| {
        let der = der.map_err(|error| format!("certificate {}: not PEM: {error}", place + 1))?;
        read_der(der.as_ref()).map_err(|error| format!("certificate {}: {error}", place + 1))
    };
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .enumerate()
        .map(read)
        .collect()
}

/// One certificate.
///
/// # Errors
/// Says why it cannot be read.
pub(crate) fn read_der(der: &[u8]) -> Result<Certificate, String> {
    let (_, x509) =
        X509Certificate::from_der(der).map_err(|error| format!("not an X.509 certificate: {error}"))?;
    let common_name = x509
        .subject()
        .iter_common_name()
        .find_map(|name| name.as_str().ok().map(str::to_owned));
    let extended = x509.extended_key_usage().ok().flatten();
    let usage = x509.key_usage().ok().flatten();
    Ok(Certificate {
        der: der.to_vec(),
        subject: x509.subject().to_string(),
        subject_line: subject_line(x509.subject()),
        dns_names: dns_names(&x509),
        common_name: common_name.filter(|name| !name.is_empty()),
        not_before: x509.validity().not_before.timestamp(),
        not_after: x509.validity().not_after.timestamp(),
        public_key_info: x509.public_key().raw.to_vec(),
        key: match x509.public_key().parsed() {
            Ok(PublicKey::RSA(rsa)) => KeyType::Rsa { bits: rsa.key_size() },
            Ok(PublicKey::EC(_)) => KeyType::Ec,
            _ => KeyType::Other,
        },
        weak_hash: has_weak_hash(&x509),
        extended_usage: extended.map(|usage| ExtendedUsage {
            server_auth: usage.value.any || usage.value.server_auth,
            client_auth: usage.value.any || usage.value.client_auth,
        }),
        key_usage: usage.map(|usage| KeyUsage {
            digital_signature: usage.value.digital_signature(),
            key_encipherment: usage.value.key_encipherment(),
        }),
        ocsp_responder: ocsp_responder(&x509),
    })
}

/// The first address for OCSP in the authority information access.
fn ocsp_responder(x509: &X509Certificate<'_>) -> Option<String> {
    let access = x509.extensions().iter().find_map(|extension| {
        if let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() {
            Some(access)
        } else {
            None
        }
    });
    let mut entries = access?.iter();
    entries.find_map(|entry| match &entry.access_location {
        GeneralName::URI(url) if entry.access_method == OID_PKIX_ACCESS_DESCRIPTOR_OCSP => {
            Some((*url).to_owned())
        }
        _ => None,
    })
}

fn dns_names(x509: &X509Certificate<'_>) -> Vec<String> {
    let names = x509.subject_alternative_name().ok().flatten();
    let names = names
        .into_iter()
        .flat_map(|names| names.value.general_names.iter());
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    };
    names.filter_map(dns).collect()
}

/// A distinguished name as RFC 2253 writes it.
fn subject_line(name: &X509Name<'_>) -> String {
    let attribute = |attribute: &AttributeTypeAndValue<'_>| {
        let kind = oid2abbrev(attribute.attr_type(), oid_registry())
            .map_or_else(|_| attribute.attr_type().to_id_string(), str::to_owned);
        format!("{kind}={}", escaped(attribute.as_str().unwrap_or_default()))
    };
    let mut parts: Vec<String> = name
        .iter_rdn()
        .map(|rdn| rdn.iter().map(attribute).collect::<Vec<_>>().join("+"))
        .collect();
    parts.reverse();
    parts.join(",")
}

fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (place, c) in value.chars().enumerate() {
        let at_edge = c == ' ' && (place == 0 || place == last);
        if at_edge || (c == '#' && place == 0) || ",+\"\\<>;".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// MD5 and SHA-1; a root's signature on itself proves nothing and is not judged.
fn has_weak_hash(x509: &X509Certificate<'_>) -> bool {
    const WEAK: &[&str] = &[
        "1.2.840.113549.1.1.2",
        "1.2.840.113549.1.1.3",
        "1.2.840.113549.1.1.4",
        "1.2.840.113549.1.1.5",
        "1.2.840.10045.4.1",
    ];
    let root = x509.is_ca() && x509.subject() == x509.issuer();
    !root && WEAK.contains(&x509.signature_algorithm.algorithm.to_id_string().as_str())
}
